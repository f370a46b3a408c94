#include "httpsig/fault.h"

#define URN "urn:payvand:problem:"

struct row {
    const char *urn;
    const char *en;
    const char *fa;
};

/* clang-format off: one row a fault, read as a table */
static const struct row table[PV_HTTPSIG_FAULT_END] = {
    [PV_HTTPSIG_NONE] = {URN, "", ""},
    [PV_HTTPSIG_MISSING] =
        {URN "signature-missing",
         "This system has to sign its requests, and this one is not signed",
         "این سامانه باید درخواست‌هایش را امضا کند و این درخواست امضا ندارد"},
    [PV_HTTPSIG_FORM] =
        {URN "signature-form",
         "Signature-Input or Signature is not of the form that is taken",
         "سرآیند Signature-Input یا Signature به شکل پذیرفته نیست"},
    [PV_HTTPSIG_COVERAGE] =
        {URN "signature-coverage",
         "The signature does not cover all that it has to, or covers what is "
         "not there",
         "امضا همه بخش‌های لازم را در بر ندارد یا بخشی را در بر دارد که نیست"},
    [PV_HTTPSIG_DIGEST] =
        {URN "content-digest", "Content-Digest is not that of the body",
         "سرآیند Content-Digest با بدنه نمی‌خواند"},
    [PV_HTTPSIG_CLOCK] =
        {URN "signature-clock",
         "The signature has ended, has not begun or is valid for too long; "
         "check the clock",
         "زمان امضا گذشته، نرسیده یا بیش از اندازه بلند است؛ ساعت را بررسی "
         "کنید"},
    [PV_HTTPSIG_KEY] =
        {URN "signature-key",
         "The key of the signature is not registered for the signer",
         "کلید این امضا برای امضاکننده ثبت نشده است"},
    [PV_HTTPSIG_WRONG] = {URN "signature-wrong",
                          "The signature is not one of this message",
                          "امضا از آن این پیام نیست"},
    [PV_HTTPSIG_REPLAYED] =
        {URN "signature-replayed",
         "This signed request was taken before; sign a new one",
         "این درخواست امضاشده پیش‌تر پذیرفته شده است؛ درخواست تازه‌ای امضا "
         "کنید"},
};
/* clang-format on */

static const struct row *
row_of(enum pv_httpsig_fault fault)
{
    return &table[(unsigned)fault < PV_HTTPSIG_FAULT_END ? fault
                                                         : PV_HTTPSIG_NONE];
}

struct pv_slice
pv_httpsig_fault_word(enum pv_httpsig_fault fault)
{
    struct pv_slice word = pv_slice_from(row_of(fault)->urn);

    word.ptr += sizeof(URN) - 1;
    word.len -= sizeof(URN) - 1;
    return word;
}

const char *
pv_httpsig_fault_urn(enum pv_httpsig_fault fault)
{
    return row_of(fault)->urn;
}

const char *
pv_httpsig_fault_en(enum pv_httpsig_fault fault)
{
    return row_of(fault)->en;
}

const char *
pv_httpsig_fault_fa(enum pv_httpsig_fault fault)
{
    return row_of(fault)->fa;
}
