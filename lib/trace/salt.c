/* salt.c - what makes a record's hash no test of a guess. */
#include <sys/random.h>

#include "base/num.h"
#include "trace/record.h"

enum pv_err
pv_record_make_salt(char room[PV_RECORD_SALT_LEN])
{
    uint8_t bytes[PV_RECORD_SALT_LEN / 2];

    /* so few come at once and whole, once the machine has started */
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return PV_ESYS;
    }
    pv_hex_text(bytes, sizeof(bytes), room);
    return PV_OK;
}
