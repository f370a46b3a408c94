#include "connectord/keeper_message.h"

#include <string.h>

#include "base/num.h"

#define TEXTS_MAX 7

/* The texts of a message in their order; how many. */
static size_t
texts_of(struct pv_keeper_message *message, struct pv_slice *text[TEXTS_MAX])
{
    struct pv_keeper_ask *ask = &message->as.ask;
    struct pv_keeper_end *end = &message->as.end;
    struct pv_slice *of_ask[] = {&ask->number,     &ask->person,  &ask->agency,
                                 &ask->consumer,   &ask->service, &ask->path,
                                 &ask->tracking_id};
    struct pv_slice *of_end[] = {&end->agency, &end->consumer,
                                 &end->path,   &end->tracking_id,
                                 &end->grant,  &end->outcome};

    switch (message->type) {
    case PV_KEEPER_ASK:
        memcpy(text, of_ask, sizeof(of_ask));
        return sizeof(of_ask) / sizeof(of_ask[0]);
    case PV_KEEPER_END:
        memcpy(text, of_end, sizeof(of_end));
        return sizeof(of_end) / sizeof(of_end[0]);
    case PV_KEEPER_SAID:
    case PV_KEEPER_KEPT:
        break;
    }
    return 0;
}

static enum pv_err
put_numbers(const struct pv_keeper_message *message, struct pv_buf *buf)
{
    uint32_t    first = message->as.word;
    uint32_t    second = 0;
    bool        two = true;
    enum pv_err err;

    switch (message->type) {
    case PV_KEEPER_ASK:
        first = message->as.ask.uses;
        second = message->as.ask.shared ? 1 : 0;
        break;
    case PV_KEEPER_END:
        first = message->as.end.counts ? 1 : 0;
        second = message->as.end.hidden_days;
        break;
    case PV_KEEPER_SAID:
    case PV_KEEPER_KEPT:
        two = false;
        break;
    }
    err = pv_put_u32(buf, first);
    return err == PV_OK && two ? pv_put_u32(buf, second) : err;
}

enum pv_err
pv_keeper_write(const struct pv_keeper_message *message, struct pv_buf *buf)
{
    struct pv_keeper_message copy = *message;
    struct pv_slice         *text[TEXTS_MAX];
    size_t                   count = texts_of(&copy, text);
    char                     call[8];
    enum pv_err              err = pv_put_u32(buf, (uint32_t)message->type);

    pv_store_u64(call, message->call);
    if (err == PV_OK) {
        err = pv_buf_add(buf, (struct pv_slice){call, sizeof(call)});
    }
    if (err == PV_OK) {
        err = put_numbers(message, buf);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = text[i]->len > PV_KEEPER_TEXT_MAX ? PV_ERANGE
                                                : pv_put_text(buf, *text[i]);
    }
    if (err == PV_OK && message->type == PV_KEEPER_END) {
        err = message->as.end.person_count > PV_KEEPER_PERSONS_MAX
                  ? PV_ERANGE
                  : pv_put_u32(buf, message->as.end.person_count);
        if (err == PV_OK) {
            err = pv_buf_add(buf, message->as.end.persons);
        }
    }
    return err;
}

enum pv_err
pv_keeper_pack(const struct pv_keeper_message *message, struct pv_buf *packet)
{
    size_t      at = packet->len;
    enum pv_err err = pv_put_u32(packet, 0);

    if (err == PV_OK) {
        err = pv_keeper_write(message, packet);
    }
    if (err == PV_OK) {
        pv_store_u32(packet->ptr + at, (uint32_t)(packet->len - at - 4));
    } else if (packet->len > at) {
        explicit_bzero(packet->ptr + at, packet->len - at);
        packet->len = at;
    }
    return err;
}

enum pv_err
pv_keeper_unpack(struct pv_slice *packet, struct pv_slice *ret)
{
    bool        null;
    enum pv_err err = pv_take_text(packet, &null, ret);

    return err == PV_OK && !null ? PV_OK : PV_EPROTO;
}

static enum pv_err
take_persons(struct pv_slice *body, struct pv_keeper_end *end)
{
    struct pv_slice person;
    bool            null;
    enum pv_err     err = pv_take_u32(body, &end->person_count);

    if (err != PV_OK || end->person_count > PV_KEEPER_PERSONS_MAX) {
        return PV_EPROTO;
    }
    end->persons = *body;
    for (uint32_t i = 0; err == PV_OK && i < end->person_count; i++) {
        err = pv_take_text(body, &null, &person);
        if (err == PV_OK && (null || person.len > PV_KEEPER_TEXT_MAX)) {
            err = PV_EPROTO;
        }
    }
    end->persons.len -= body->len;
    return err;
}

static enum pv_err
take_numbers(struct pv_slice *body, struct pv_keeper_message *message)
{
    uint32_t first;
    uint32_t second = 0;
    bool     from_main =
        message->type == PV_KEEPER_ASK || message->type == PV_KEEPER_END;
    enum pv_err err = pv_take_u32(body, &first);

    if (err == PV_OK && from_main) {
        err = pv_take_u32(body, &second);
    }
    if (err != PV_OK) {
        return err;
    }
    if (message->type == PV_KEEPER_ASK) {
        message->as.ask.uses = first;
        message->as.ask.shared = second == 1;
        return second > 1 ? PV_EPROTO : PV_OK;
    }
    if (message->type == PV_KEEPER_END) {
        message->as.end.counts = first == 1;
        message->as.end.hidden_days = second;
        return first > 1 ? PV_EPROTO : PV_OK;
    }
    message->as.word = first;
    return PV_OK;
}

static bool
is_from(uint32_t type, bool from_main)
{
    return from_main ? type == PV_KEEPER_ASK || type == PV_KEEPER_END
                     : type == PV_KEEPER_SAID || type == PV_KEEPER_KEPT;
}

enum pv_err
pv_keeper_read(struct pv_slice packet, bool from_main,
               struct pv_keeper_message *ret)
{
    struct pv_keeper_message message;
    struct pv_slice         *text[TEXTS_MAX];
    uint32_t                 type;
    size_t                   count;
    enum pv_err              err = pv_take_u32(&packet, &type);

    if (err != PV_OK || packet.len < 8 || !is_from(type, from_main)) {
        return PV_EPROTO;
    }
    memset(&message, 0, sizeof(message));
    message.type = (enum pv_keeper_type)type;
    message.call = pv_load_u64(packet.ptr);
    packet.ptr += 8;
    packet.len -= 8;
    err = take_numbers(&packet, &message);
    count = texts_of(&message, text);
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        bool null;

        err = pv_take_text(&packet, &null, text[i]);
        if (err == PV_OK && (null || text[i]->len > PV_KEEPER_TEXT_MAX)) {
            err = PV_EPROTO;
        }
    }
    if (err == PV_OK && message.type == PV_KEEPER_END) {
        err = take_persons(&packet, &message.as.end);
    }
    if (err != PV_OK || packet.len > 0) {
        return PV_EPROTO;
    }
    *ret = message;
    return PV_OK;
}
