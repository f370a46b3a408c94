/*
 * user.c - users that an option names.
 */
#include "user.h"

#include <pwd.h>
#include <stddef.h>

#include "base/num.h"

bool
pv_user_id(const char *text, uid_t *ret)
{
    uint64_t             number;
    const struct passwd *user;

    if (pv_slice_to_u64(pv_slice_from(text), UINT32_MAX - 1, &number) ==
        PV_OK) {
        *ret = (uid_t)number;
        return true;
    }
    user = getpwnam(text);
    if (user == NULL) {
        return false;
    }
    *ret = user->pw_uid;
    return true;
}
