/* verify.h - `payvand verify log`, a command behind a command. */
#ifndef PV_CLI_VERIFY_H
#define PV_CLI_VERIFY_H

/* argv[0] is "log"; gives an exit code of cmd.h. */
int pv_cmd_verify_decisions(int argc, char **argv);
int pv_cmd_verify_log(int argc, char **argv);

#endif
