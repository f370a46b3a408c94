#include "items.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_LEN 1024

enum pv_err
pv_cli_items(const char *dir, struct pv_data_items **ret, struct pv_why *why)
{
    static const char *const file[] = {"data_items.json", "enactment.json",
                                       "data_items_proposed.json"};
    enum pv_err              err = pv_data_items_new(ret);

    dir = dir == NULL ? getenv("PAYVAND_CATALOGUE") : dir;
    for (size_t i = 0; err == PV_OK && i < sizeof(file) / sizeof(file[0]);
         i++) {
        char path[PATH_LEN];
        int  len = snprintf(path, sizeof(path), "%s/%s",
                           dir == NULL ? "catalogue" : dir, file[i]);

        err = len < 0 || (size_t)len >= sizeof(path)
                  ? PV_ERANGE
                  : pv_data_items_add_file(*ret, path, why);
    }
    return err == PV_OK ? pv_data_items_finish(*ret, why) : err;
}
