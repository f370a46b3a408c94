/* page_method.c - what holds for a method, each with where it comes from. */
#include "contract/page_private.h"

/* ---- what is asked, and what the answer means ---- */

static void
pattern_line(struct pv_page *page, const struct pv_contract_method *method)
{
    static const struct {
        const char *en;
        const char *fa;
        const char *source;
    } words[] = {
        [PV_CALL_INQUIRY] =
            {"inquiry: identifiers in, a record out",
             "استعلام: شناسه می‌گیرد، رکورد می‌دهد",
             "R-040"},
        [PV_CALL_VERIFY] =
            {"verify: claimed values in, yes or no out, never the stored "
             "values",
             "راستی‌آزمایی: مقدار ادعایی می‌گیرد، بلی یا خیر می‌دهد، هرگز مقدار "
             "ثبت‌شده را",
             "R-041"},
        [PV_CALL_LIST] =
            {"list: a day or a filter in, a list out",
             "فهرست: روز یا شرط می‌گیرد، فهرست می‌دهد",
             "R-045"},
        [PV_CALL_COMMAND] =
            {"command: it changes something at the provider",
             "فرمان: چیزی را نزد ارائه‌دهنده تغییر می‌دهد",
             "R-046"},
        [PV_CALL_FILE] = {"file: one handover of a stock",
                          "پرونده: یک بار تحویل همه موجودی", "R-059, R-061"},
        [PV_CALL_EVENTS] = {"events: what happened since",
                            "رویداد: آنچه از آن پس رخ داده است", "R-050"},
    };

    pv_page_line(
        page, pv_page_say(page, "Pattern:", "الگو:"),
        pv_page_say(page, words[method->pattern].en, words[method->pattern].fa),
        words[method->pattern].source);
}

static void
meaning(struct pv_page *page, const struct pv_contract_method *method)
{
    const json_t *said = json_object_get(method->source, "meaning");

    if (said == NULL) {
        return;
    }
    pv_page_line(page, pv_page_say(page, "Yes:", "بلی:"),
                 pv_page_word(page, said, "yes"), "R-146");
    pv_page_line(page, pv_page_say(page, "No:", "خیر:"),
                 pv_page_word(page, said, "no"), "R-146");
}

static void
days(struct pv_page *page, const struct pv_contract_method *method)
{
    const struct pv_window *window = &method->window;
    char                    both[PV_PAGE_DAYS_ROOM];

    if (method->coverage_from[0] != '\0') {
        pv_page_day(method->coverage_from, both);
        pv_page_line(page, pv_page_say(page, "Covers:", "دامنه:"),
                     pv_page_word(page,
                                  json_object_get(method->source, "coverage"),
                                  "text"),
                     "R-159");
        pv_page_fact(page, "R-159",
                     pv_page_say(page, "Covers from:", "دامنه از:"),
                     pv_page_say(page, "%s; it stands in every answer",
                                 "%s؛ در هر پاسخ می‌آید"),
                     both);
    }
    if (window->is_set) {
        pv_page_line(
            page,
            pv_page_say(
                page, "Days answered:", "روزهای پاسخ‌دادنی:"),
            pv_page_word(page, json_object_get(method->source, "window"),
                         "text"),
            "R-175");
        pv_page_fact(
            page, "R-175",
            pv_page_say(page, "Days before the call:", "روز پیش از فراخوانی:"),
            pv_page_say(
                page, "%u to %u, in %s; another day is invalid",
                "%u تا %u، در %s؛ روز دیگر نادرست شمرده می‌شود"),
            window->newest_days, window->oldest_days,
            method->input[window->input].name);
    }
    if (method->timed) {
        pv_page_line(
            page, pv_page_say(page, "Determined:", "زمان تعیین:"),
            pv_page_say(
                page, "each answer says in determined_at when",
                "هر پاسخ آن را در determined_at می‌گوید"),
            "R-149");
    }
}

/* The inputs that a rule names, one behind the other. */
static void
rule_inputs(const struct pv_contract_method *method, const struct pv_rule *rule,
            char room[256])
{
    size_t len = 0;

    room[0] = '\0';
    for (size_t i = 0; i < rule->input_count && len < 180; i++) {
        len +=
            (size_t)snprintf(room + len, 256 - len, "%s%s", i == 0 ? "" : ", ",
                             method->input[rule->input[i]].name);
    }
}

static void
rules(struct pv_page *page, const struct pv_contract_method *method)
{
    static const struct {
        const char *en;
        const char *fa;
    } kinds[] = {
        [PV_RULE_NOT_BEFORE] = {"the first is not before the second",
                                "نخستین پیش از دومین نیست"},
        [PV_RULE_NEEDS] = {"the first only with the second",
                           "نخستین تنها همراه دومین"},
        [PV_RULE_ONE_OF] = {"at least one of them",
                            "دست‌کم یکی از آنها"},
        [PV_RULE_NOT_FUTURE] = {"none is after today",
                                "هیچ‌یک پس از امروز نیست"},
    };
    const json_t *list = json_object_get(method->source, "rules");

    for (size_t i = 0; i < method->rule_count; i++) {
        const struct pv_rule *rule = &method->rule[i];
        char                  names[256];

        rule_inputs(method, rule, names);
        pv_page_line(page, pv_page_say(page, "Rule:", "قاعده:"),
                     pv_page_word(page, json_array_get(list, i), "text"),
                     "R-043, R-166");
        pv_page_fact(
            page, NULL, names,
            pv_page_say(
                page, "%s; a breach is invalid, never no",
                "%s؛ نقض آن نادرست شمرده می‌شود، نه خیر"),
            pv_page_say(page, kinds[rule->kind].en, kinds[rule->kind].fa));
    }
}

/* ---- what a call needs ---- */

static void
consent(struct pv_page *page, const struct pv_contract_method *method)
{
    const struct pv_consent *consent = &method->consent;

    if (!consent->is_set) {
        return;
    }
    pv_page_fact(
        page, "R-134 to R-145",
        pv_page_say(page, "Consent number:", "شماره رضایت:"),
        pv_page_say(page,
                    "16 digits in the header Payvand-Consent, of this person "
                    "for this agency; valid for %u month(s) of the Jalali "
                    "calendar, good for %u use(s), %s",
                    "۱۶ رقم در سرآیند Payvand-Consent، از همین شخص برای همین "
                    "دستگاه؛ اعتبار %u ماه شمسی، برای %u بار، %s"),
        consent->valid_months, consent->uses,
        consent->shared
            ? pv_page_say(
                  page, "counted over all methods of the provider",
                  "شمارش در همه متدهای ارائه‌دهنده با هم")
            : pv_page_say(page, "counted for this method alone",
                          "شمارش تنها برای همین متد"));
}

static void
order(struct pv_page *page, const struct pv_contract_method *method)
{
    const struct pv_after *after = &method->after;

    if (after->method != NULL) {
        char   same[256] = "";
        size_t len = 0;

        for (size_t i = 0; i < after->same_count && len < 180; i++) {
            len += (size_t)snprintf(same + len, sizeof(same) - len, "%s%s",
                                    i == 0 ? "" : ", ",
                                    method->input[after->same[i]].name);
        }
        pv_page_fact(
            page, "R-154", pv_page_say(page, "Order:", "ترتیب:"),
            pv_page_say(page,
                        "only with the order_token that a yes of %s gave for "
                        "the same %s, within %u seconds",
                        "تنها با order_token که پاسخ بلی %s برای همان %s داده "
                        "است، تا %u ثانیه"),
            after->method->id, same, after->valid_s);
    }
    if (method->unlocks != NULL) {
        pv_page_fact(
            page, "R-154", pv_page_say(page, "Order:", "ترتیب:"),
            pv_page_say(
                page, "a yes brings order_token, which %s asks for",
                "پاسخ بلی order_token می‌دهد که %s می‌خواهد"),
            method->unlocks->id);
    }
}

static void
needs(struct pv_page *page, const struct pv_contract_method *method)
{
    consent(page, method);
    order(page, method);
    if (method->member != NULL) {
        pv_page_line(
            page, pv_page_say(page, "Only for a member:", "تنها برای عضو:"),
            pv_page_word(page, json_object_get(method->source, "member"),
                         "text"),
            "R-155");
        pv_page_fact(page, "R-155", pv_page_say(page, "Who:", "چه کسی:"),
                     pv_page_say(page,
                                 "%s; another one is failed, problem "
                                 "not-a-member",
                                 "%s؛ برای دیگری failed با مشکل not-a-member"),
                     method->member->name);
    }
    if (method->keep_days > 0) {
        pv_page_fact(
            page, "R-046", pv_page_say(page, "Acts once:", "تنها یک بار:"),
            pv_page_say(
                page, "for each Idempotency-Key, which is kept for %u days",
                "برای هر Idempotency-Key، که %u روز نگه داشته می‌شود"),
            method->keep_days);
    }
    if (method->coding.type != NULL) {
        pv_page_fact(
            page, "R-211", pv_page_say(page, "Own coding:", "کدگذاری خود:"),
            pv_page_say(page,
                        "each %s is a code of %s; with the input coding, of "
                        "another list of the map %s",
                        "هر %s کدی از %s است؛ با ورودی coding، کدی از فهرست "
                        "دیگر نگاشت %s"),
            method->coding.type->id, method->coding.list, method->coding.map);
    }
}

/* ---- limits ---- */

/* The texts of a list, one behind the other, as a line. */
static void
list_line(struct pv_page *page, const char *source, const char *label,
          const json_t *list)
{
    const json_t *text;
    size_t        i;

    if (json_array_size(list) == 0) {
        return;
    }
    pv_page_raw(page, "<li><strong>");
    pv_page_text(page, label);
    pv_page_raw(page, "</strong>");
    json_array_foreach(list, i, text)
    {
        pv_page_raw(page, i == 0 ? " <code>" : ", <code>");
        pv_page_text(page, json_string_value(text));
        pv_page_raw(page, "</code>");
    }
    pv_page_raw(page, " <small>");
    pv_page_text(page, source);
    pv_page_raw(page, "</small></li>\n");
}

static void
hours(struct pv_page *page, const json_t *hours)
{
    if (hours == NULL) {
        return;
    }
    pv_page_fact(
        page, "R-241", pv_page_say(page, "Hours:", "ساعت کار:"),
        pv_page_say(page, "%s to %s in Tehran", "%s تا %s به وقت تهران"),
        json_string_value(json_object_get(hours, "from")),
        json_string_value(json_object_get(hours, "until")));
    list_line(page, "R-241", pv_page_say(page, "Days:", "روزها:"),
              json_object_get(hours, "days"));
}

static bool
has_list(const struct pv_contract_method *method)
{
    for (size_t i = 0; i < method->output_count; i++) {
        if (method->output[i].type->base == PV_BASE_LIST) {
            return true;
        }
    }
    return false;
}

static void
limits(struct pv_page *page, const struct pv_contract_method *method)
{
    if (method->pages.is_set) {
        pv_page_fact(
            page, "R-045",
            pv_page_say(page, "In pages:", "صفحه‌به‌صفحه:"),
            pv_page_say(
                page,
                "rows in the order of %s; the last one goes into %s of "
                "the next question, until an answer has no rows",
                "سطرها به ترتیب %s؛ آخرین در %s پرسش بعد می‌آید، تا "
                "پاسخی که سطر ندارد"),
            method->pages.key->name, method->input[method->pages.after].name);
    }
    if (method->aggregate_only) {
        pv_page_line(page, pv_page_say(page, "Aggregate only:", "تنها تجمیعی:"),
                     pv_page_say(page, "no individual is told",
                                 "فردی گفته نمی‌شود"),
                     "R-068");
    }
    list_line(page, "R-090",
              pv_page_say(
                  page, "Never sent:", "هرگز ارسال نمی‌شود:"),
              json_object_get(method->source, "never"));
    list_line(page, "R-122",
              pv_page_say(page, "Only for the agencies:",
                          "تنها برای دستگاه‌های:"),
              json_object_get(method->source, "consumers"));
    hours(page, json_object_get(method->source, "hours"));
    if (pv_method_is_yes_no(method)) {
        pv_page_fact(
            page, "R-080",
            pv_page_say(page, "Size of each answer:", "اندازه هر پاسخ:"),
            pv_page_say(page, "%u bytes, yes or no", "%u بایت، بلی یا خیر"),
            method->pad_to);
    } else if (has_list(method)) {
        pv_page_fact(page, NULL, pv_page_say(page, "Rows:", "سطرها:"),
                     pv_page_say(page, "at most %u", "حداکثر %u"),
                     method->max_rows);
    }
    pv_page_fact(
        page, NULL, pv_page_say(page, "Answered within:", "مهلت پاسخ:"),
        pv_page_say(page, "%u ms", "%u هزارم ثانیه"), method->deadline_ms);
}

void
pv_page_method(struct pv_page *page, const struct pv_contract_method *method)
{
    const char *note = pv_page_word(page, method->source, "note");

    pv_page_raw(page, "<ul>\n");
    pattern_line(page, method);
    meaning(page, method);
    days(page, method);
    rules(page, method);
    needs(page, method);
    limits(page, method);
    if (note[0] != '\0') {
        pv_page_line(page, pv_page_say(page, "Note:", "توضیح:"), note, NULL);
    }
    pv_page_raw(page, "</ul>\n");
}
