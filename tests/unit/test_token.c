/*
 * lib/crypto/token against a real PKCS#11 module: SoftHSM, with a token and
 * keys made here by softhsm2-util and pkcs11-tool.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/token.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

extern char **environ;

/* SoftHSM leaks an ASN.1 string a key. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "detect_leaks=0";
}

static char home[64];

static void
run(const char *const argv[])
{
    posix_spawn_file_actions_t actions;
    pid_t                      pid;
    int                        status = 0;

    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0),
        0);
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL,
                                  (char *const *)(uintptr_t)argv, environ),
                     0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    int  fd;

    (void)snprintf(path, sizeof(path), "%s/%s", home, name); /* short names */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void
make_key(const char *type, const char *label, const char *id)
{
    run((const char *const[]){"pkcs11-tool", "--module", MODULE, "--login",
                              "--pin", "1234", "--token-label", "log",
                              "--keypairgen", "--key-type", type, "--label",
                              label, "--id", id, NULL});
}

static int
make_token(void **state)
{
    char conf[128];

    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/pv-token-XXXXXX");
    assert_non_null(mkdtemp(home));
    (void)snprintf(conf, sizeof(conf), "directories.tokendir = %s\n", home);
    write_file("conf", conf, 0600);
    write_file("pin", "1234\n", 0600);
    write_file("wrong", "4321\n", 0600);
    write_file("open", "1234\n", 0644);
    write_file("empty", "", 0600);
    (void)snprintf(conf, sizeof(conf), "%s/conf", home);
    assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
    run((const char *const[]){"softhsm2-util", "--init-token", "--free",
                              "--label", "log", "--pin", "1234", "--so-pin",
                              "5678", NULL});
    make_key("EC:edwards25519", "log", "01");
    make_key("EC:edwards25519", "twin", "02");
    make_key("EC:edwards25519", "twin", "03");
    make_key("EC:prime256v1", "other", "04");
    return 0;
}

static int
remove_token(void **state)
{
    (void)state;
    run((const char *const[]){"rm", "-r", home, NULL});
    return 0;
}

static enum pv_err
open_uri(const char *format, struct pv_token **ret, struct pv_why *why)
{
    char uri[PV_TOKEN_URI_MAX];
    int  len;

    why->text[0] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    len = snprintf(uri, sizeof(uri), format, home);
#pragma GCC diagnostic pop
    assert_in_range(len, 1, sizeof(uri) - 1);
    return pv_token_open((struct pv_slice){uri, (size_t)len}, ret, why);
}

#define QUERY "?module-path=" MODULE "&pin-source=file:%s/"

static void
a_token_signs_with_the_key_it_shows(void **state)
{
    static const struct pv_slice message = PV_SLICE_INIT("a checkpoint\n");
    struct pv_token             *token = NULL;
    struct pv_why                why;
    uint8_t                      key[PV_ED25519_PUBLIC_LEN];
    uint8_t                      signature[PV_ED25519_SIGNATURE_LEN];

    (void)state;
    assert_int_equal(
        open_uri("pkcs11:token=log;object=log" QUERY "pin", &token, &why),
        PV_OK);
    pv_token_public(token, key);
    for (int i = 0; i < 3; i++) { /* again and again in one session */
        assert_int_equal(pv_token_sign(token, message, signature), PV_OK);
        assert_int_equal(pv_ed25519_verify(key, message, signature), PV_OK);
    }
    signature[0] ^= 1;
    assert_int_equal(pv_ed25519_verify(key, message, signature), PV_EVERIFY);
    pv_token_close(token);
    pv_token_close(NULL);

    token = NULL; /* the same key by its id, and the module loads once more */
    assert_int_equal(
        open_uri("pkcs11:token=log;id=%%01" QUERY "pin", &token, &why), PV_OK);
    pv_token_public(token, signature);
    assert_memory_equal(signature, key, sizeof(key));
    pv_token_close(token);
}

static void
what_does_not_name_one_key_is_refused(void **state)
{
    static const struct {
        const char *uri;
        enum pv_err err;
        const char *says;
    } row[] = {
        {"token=log;object=log%s", PV_EINVAL, "not RFC 7512"},
        {"pkcs11:token=log;colour=red" QUERY "pin", PV_EINVAL, "unknown"},
        {"pkcs11:token=log;object=log?module-path=" MODULE
         "&pin-value=1234&pin-source=%s/pin",
         PV_EINVAL, "holds the PIN itself"},
        {"pkcs11:token=log;object=log?pin-source=file:%s/pin", PV_EINVAL,
         "no module-path"},
        {"pkcs11:token=log;object=log?module-path=%s/none.so", PV_ENOTFOUND,
         "cannot load the module"},
        {"pkcs11:token=none;object=log" QUERY "pin", PV_ENOTFOUND,
         "no token fits"},
        {"pkcs11:token=log;object=none" QUERY "pin", PV_ENOTFOUND,
         "no Ed25519 private key"},
        {"pkcs11:token=log;object=other" QUERY "pin", PV_ENOTFOUND,
         "no Ed25519 private key"},
        {"pkcs11:token=log;object=twin" QUERY "pin", PV_EEXIST,
         "more than one Ed25519 private key"},
        {"pkcs11:token=log;object=log" QUERY "wrong", PV_ECRYPTO, "C_Login"},
        {"pkcs11:token=log;object=log" QUERY "open", PV_EINVAL,
         "by nobody else"},
        {"pkcs11:token=log;object=log" QUERY "empty", PV_EINVAL, "must hold"},
        {"pkcs11:token=log;object=log" QUERY "none", PV_EINVAL,
         "by nobody else"},
        {"pkcs11:token=log;object=log?module-path=" MODULE, PV_EINVAL,
         "has no pin-source"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_token *token = (struct pv_token *)home; /* left alone */
        struct pv_why    why;

        assert_int_equal(open_uri(row[i].uri, &token, &why), row[i].err);
        assert_ptr_equal(token, home);
        if (strstr(why.text, row[i].says) == NULL) {
            fail_msg("row %zu says: %s", i, why.text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_signs_with_the_key_it_shows),
        cmocka_unit_test(what_does_not_name_one_key_is_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_token, remove_token);
}
