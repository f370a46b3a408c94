/* view_text.h - views of the registry as text for a terminal. */
#ifndef PV_CLI_VIEW_TEXT_H
#define PV_CLI_VIEW_TEXT_H

#include <jansson.h>

#include "cmd.h"

/* Each writes to stdout; the caller checks it at the end. */
void pv_text_agenda(const json_t *view, enum pv_lang lang);
void pv_text_agenda_draft(const json_t *view, enum pv_lang lang);
void pv_text_duties(const json_t *view, enum pv_lang lang);
void pv_text_ending(const json_t *view, enum pv_lang lang);
void pv_text_findings(const json_t *view, enum pv_lang lang);
void pv_text_duty(const json_t *view, enum pv_lang lang);
void pv_text_progress(const json_t *view, enum pv_lang lang);
void pv_text_resolution(const json_t *view, enum pv_lang lang);

#endif
