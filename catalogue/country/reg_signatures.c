/*
 * reg_signatures.c - the secretariat of electronic certificates: signatures
 * that were made, and whether the certificate was valid then. The documents
 * and the keys are not real: a signature here is a row, not a computation.
 */
#include "draw.h"

#define VERIFY "authentication-e-signature/verify"
#define SIGNATURE "signature@application/pkcs7-mime"
#define SIGNATURE_LEN 64u /* characters of base64, without padding */

static const char tables[] =
    "CREATE TABLE signed (document_digest TEXT, signer_id TEXT,"
    " signature TEXT, certificate TEXT,"
    " PRIMARY KEY (document_digest, signer_id)) WITHOUT ROWID";

static void
draw_text(struct pv_draw *draw, const char *alphabet, uint32_t letters,
          char *room)
{
    for (uint32_t i = 0; i < SIGNATURE_LEN; i++) {
        room[i] = alphabet[pv_rng_below(&draw->rng, letters)];
    }
    room[SIGNATURE_LEN] = '\0';
}

static void
signer(struct pv_draw *draw, uint32_t person, const char *id)
{
    struct pv_samples *samples = draw->making->samples;
    bool               is_valid =
        person == 0 || (draw->count != 1 && pv_rng_chance(&draw->rng, 900));
    char digest[SIGNATURE_LEN + 1];
    char signature[SIGNATURE_LEN + 1];
    char nobody[PV_ID_ROOM];

    draw_text(draw, "0123456789abcdef", 16, digest);
    draw_text(draw,
              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
              62, signature);
    pv_writer_row(draw->making->writer, 0, "tttt", digest, id, signature,
                  is_valid ? "valid" : "revoked");
    if (person == 0 && is_valid) {
        pv_nobodys_id(nobody);
        pv_sample_add(samples, VERIFY, "yes", "of this person", SIGNATURE,
                      signature, "document_digest", digest,
                      "signer_id:national_id", id, NULL);
        pv_sample_add(samples, VERIFY, "no", "of another person", SIGNATURE,
                      signature, "document_digest", digest,
                      "signer_id:national_id", nobody, NULL);
        pv_sample_add(samples, VERIFY, "no", "another signature", SIGNATURE,
                      "AAAA", "document_digest", digest,
                      "signer_id:national_id", id, NULL);
    } else if (!is_valid &&
               pv_samples_with(samples, VERIFY, "a revoked certificate") == 0) {
        pv_sample_add(samples, VERIFY, "no", "a revoked certificate", SIGNATURE,
                      signature, "document_digest", digest,
                      "signer_id:national_id", id, NULL);
    }
}

void
pv_register_signatures(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "signatures", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO signed VALUES (?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){18, 100, 20}, signer);
}
