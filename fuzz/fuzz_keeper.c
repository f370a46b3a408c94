/*
 * Law: a message between the connector's main process and its keeper that is
 * taken is written again to the same bytes, and only one side may send it; a
 * packet of messages of one side is packed again to the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "connectord/keeper_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
pack_again(struct pv_slice packet, bool from_main)
{
    struct pv_keeper_message message;
    struct pv_slice          left = packet;
    struct pv_slice          bytes;
    struct pv_buf            again;

    pv_buf_init(&again, packet.len);
    while (left.len > 0) {
        if (pv_keeper_unpack(&left, &bytes) != PV_OK ||
            pv_keeper_read(bytes, from_main, &message) != PV_OK) {
            goto out; /* not taken */
        }
        if (pv_keeper_pack(&message, &again) != PV_OK) {
            abort();
        }
    }
    if (!pv_slice_eq(pv_buf_view(&again), packet)) {
        abort();
    }

out:
    pv_buf_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice          packet = {(const char *)data, len};
    struct pv_keeper_message message;
    struct pv_buf            again;
    int                      sides = 0;

    for (int from_main = 0; from_main < 2; from_main++) {
        pack_again(packet, from_main != 0);
        if (pv_keeper_read(packet, from_main != 0, &message) != PV_OK) {
            continue;
        }
        sides++;
        pv_buf_init(&again, len);
        if (pv_keeper_write(&message, &again) != PV_OK ||
            !pv_slice_eq(pv_buf_view(&again), packet)) {
            abort();
        }
        pv_buf_clear(&again);
    }
    if (sides > 1) {
        abort();
    }
    return 0;
}
