#include "contract/fault.h"

#include <string.h>

#include "base/json.h"

struct words {
    struct pv_slice word;
    const char     *en;
    const char     *fa;
};

static const struct words words[PV_FAULT_END] = {
    [PV_FAULT_NONE] = {PV_SLICE_INIT("none"), "", ""},
    [PV_FAULT_TOO_LARGE] =
        {PV_SLICE_INIT("too-large"), "the body is larger than allowed",
         "بدنه درخواست از بیشینه مجاز بزرگ‌تر "
         "است"},
    [PV_FAULT_NOT_JSON] = {PV_SLICE_INIT("not-json"), "the body is not JSON",
                           "بدنه درخواست JSON درست نیست"},
    [PV_FAULT_NOT_OBJECT] = {PV_SLICE_INIT("not-object"),
                             "the body is not a JSON object",
                             "بدنه درخواست یک شیء JSON نیست"},
    [PV_FAULT_TOO_DEEP] = {PV_SLICE_INIT("too-deep"),
                           "the body is nested too deeply",
                           "تودرتویی بدنه درخواست از بیشینه مجاز بیشتر است"},
    [PV_FAULT_TOO_MANY] = {PV_SLICE_INIT("too-many"),
                           "the body has too many members",
                           "شمار اقلام بدنه درخواست از بیشینه مجاز بیشتر است"},
    [PV_FAULT_DUPLICATE] = {PV_SLICE_INIT("duplicate"),
                            "a member is given twice",
                            "یک قلم دو بار داده شده است"},
    [PV_FAULT_UNKNOWN] = {PV_SLICE_INIT("unknown"),
                          "the contract has no such member",
                          "قرارداد سرویس چنین قلمی ندارد"},
    [PV_FAULT_MISSING] = {PV_SLICE_INIT("missing"),
                          "a required member is missing",
                          "قلم الزامی داده نشده است"},
    [PV_FAULT_NOT_STRING] = {PV_SLICE_INIT("not-string"),
                             "must be a JSON string; leave an absent "
                             "optional member out",
                             "باید رشته JSON باشد؛ قلم اختیاری نداشته را "
                             "نفرستید"},
    [PV_FAULT_ALTERNATIVE] = {PV_SLICE_INIT("alternative"),
                              "must be {\"type\":\"...\",\"value\":\"...\"} "
                              "or a string",
                              "باید رشته یا {\"type\":\"...\",\"value\":"
                              "\"...\"} باشد"},
    [PV_FAULT_TYPE] = {PV_SLICE_INIT("type"),
                       "this identifier type is not accepted here",
                       "این نوع شناسه در اینجا پذیرفته نیست"},
    [PV_FAULT_AMBIGUOUS] = {PV_SLICE_INIT("ambiguous"),
                            "fits more than one identifier type; state "
                            "the type",
                            "با بیش از یک نوع شناسه سازگار است؛ نوع را "
                            "بنویسید"},
    [PV_FAULT_TOO_LONG] = {PV_SLICE_INIT("too-long"), "is too long",
                           "بیش از اندازه بلند است"},
    [PV_FAULT_NOT_UTF8] = {PV_SLICE_INIT("not-utf8"), "is not UTF-8",
                           "UTF-8 نیست"},
    [PV_FAULT_PATTERN] = {PV_SLICE_INIT("pattern"),
                          "does not have the form of its data item",
                          "شکل آن با قلم داده سازگار نیست"},
    [PV_FAULT_CHECK_DIGIT] = {PV_SLICE_INIT("check-digit"),
                              "check digit is wrong", "رقم کنترل درست نیست"},
    [PV_FAULT_NO_SUCH_DAY] = {PV_SLICE_INIT("no-such-day"),
                              "there is no such day",
                              "چنین روزی در تقویم نیست"},
    [PV_FAULT_RULE] = {PV_SLICE_INIT("rule"), "breaks a rule of its data item",
                       "با قاعده قلم داده سازگار نیست"},
    [PV_FAULT_NOT_LIST] = {PV_SLICE_INIT("not-list"), "must be a JSON list",
                           "باید فهرست JSON باشد"},
    [PV_FAULT_ITEMS] =
        {PV_SLICE_INIT("items"), "has too few or too many elements",
         "شمار عناصر آن کم‌تر یا بیش‌تر از اندازه مجاز است"},
    [PV_FAULT_BINARY] = {PV_SLICE_INIT("binary"),
                         "must be {\"media\":\"...\",\"data\":\"<base64>\"}",
                         "باید {\"media\":\"...\",\"data\":\"<base64>\"} باشد"},
    [PV_FAULT_MEDIA] = {PV_SLICE_INIT("media"), "is not of an allowed type",
                        "نوع آن پذیرفته نیست"},
    [PV_FAULT_BYTES] = {PV_SLICE_INIT("bytes"), "has more bytes than allowed",
                        "حجم آن از بیشینه مجاز بیشتر است"},
    [PV_FAULT_GEOMETRY] = {PV_SLICE_INIT("geometry"),
                           "must be a GeoJSON Polygon or MultiPolygon",
                           "باید چندضلعی GeoJSON باشد"},
    [PV_FAULT_NOT_BEFORE] = {PV_SLICE_INIT("not-before"),
                             "is earlier than the date it must not precede",
                             "از تاریخی که باید پس از آن باشد زودتر است"},
    [PV_FAULT_NEEDS] = {PV_SLICE_INIT("needs"),
                        "is only allowed together with another input",
                        "تنها همراه با قلم دیگری پذیرفته است"},
    [PV_FAULT_ONE_OF] =
        {PV_SLICE_INIT("one-of"), "at least one of several inputs is needed",
         "دست‌کم یکی از چند قلم لازم است"},
    [PV_FAULT_FUTURE] = {PV_SLICE_INIT("future"), "lies after today",
                         "پس از امروز است"},
    [PV_FAULT_WINDOW] =
        {PV_SLICE_INIT("window"), "lies outside the days that are answered",
         "بیرون از بازه روزهای پاسخ‌دادنی است"},
    [PV_FAULT_CODING] = {PV_SLICE_INIT("coding"),
                         "is no coding of this method's code map",
                         "در نگاشت کد این متد چنین کدگذاری نیست"},
    [PV_FAULT_NO_PARTNER] =
        {PV_SLICE_INIT("no-partner"),
         "has no single partner among the provider's codes; nothing is guessed",
         "در کدهای ارائه‌دهنده جفت یکتا ندارد و چیزی حدس زده نمی‌شود"},
    [PV_FAULT_COLUMN_MISSING] =
        {PV_SLICE_INIT("column-missing"), "the statement gives no such column",
         "دستور چنین ستونی نمی‌دهد"},
    [PV_FAULT_COLUMN_UNKNOWN] =
        {PV_SLICE_INIT("column-unknown"),
         "the statement gives a column that is no "
         "output",
         "دستور ستونی می‌دهد که خروجی نیست"},
    [PV_FAULT_ORDER] = {PV_SLICE_INIT("order"),
                        "does not come after the one before it",
                        "پس از مقدار پیش از خود نیامده است"},
    [PV_FAULT_ROWS] =
        {PV_SLICE_INIT("rows"), "the statement gives too many rows",
         "دستور بیش از اندازه سطر می‌دهد"},
    [PV_FAULT_OVER] = {PV_SLICE_INIT("over"),
                       "is sent though its last day has passed",
                       "با آنکه واپسین روز آن گذشته فرستاده شده است"},
    [PV_FAULT_CLOSED] = {PV_SLICE_INIT("closed"),
                         "is sent though the grant does not open it",
                         "با آنکه مجوز آن را باز نکرده فرستاده شده است"},
};

static enum pv_fault_kind
known(enum pv_fault_kind kind)
{
    return kind > PV_FAULT_NONE && kind < PV_FAULT_END ? kind : PV_FAULT_NONE;
}

void
pv_fault_set(struct pv_fault *fault, enum pv_fault_kind kind,
             struct pv_slice member)
{
    fault->kind = kind;
    if (pv_slice_to_cstr(member, fault->member, sizeof(fault->member)) !=
        PV_OK) {
        fault->member[0] = '\0';
    }
}

struct pv_slice
pv_fault_word(enum pv_fault_kind kind)
{
    return words[known(kind)].word;
}

static enum pv_err
put_detail(struct pv_json *json, const char *name, const char *member,
           const char *text)
{
    struct pv_buf detail;
    enum pv_err   err = PV_OK;

    pv_buf_init(&detail, 1024);
    if (member[0] != '\0') {
        err = pv_buf_addf(&detail, "%s: ", member);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&detail, pv_slice_from(text));
    }
    if (err == PV_OK) {
        pv_json_string(json, name, pv_buf_view(&detail));
    }
    pv_buf_clear(&detail);
    return err;
}

enum pv_err
pv_fault_problem(const struct pv_fault *fault, struct pv_slice tracking_id,
                 struct pv_buf *out)
{
    const struct words *said = &words[known(fault->kind)];
    struct pv_json      json;
    enum pv_err         err;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "type", "urn:payvand:problem:contract");
    pv_json_text(&json, "title", "The request breaks the service contract");
    pv_json_text(&json, "title_fa", "درخواست با قرارداد سرویس سازگار نیست");
    pv_json_u64(&json, "status", 400);
    pv_json_text(&json, "outcome", "invalid");
    pv_json_text(&json, "reason", "contract");
    err = put_detail(&json, "detail", fault->member, said->en);
    if (err == PV_OK) {
        err = put_detail(&json, "detail_fa", fault->member, said->fa);
    }
    if (err != PV_OK) {
        return err;
    }
    pv_json_string(&json, "fault", said->word);
    if (fault->member[0] != '\0') {
        pv_json_text(&json, "member", fault->member);
    }
    if (tracking_id.len > 0) {
        pv_json_string(&json, "tracking_id", tracking_id);
    }
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}
