/*
 * kind_tables.h - the tables of all kinds. Private to registryd.
 */
#ifndef PV_REGISTRYD_KIND_TABLES_H
#define PV_REGISTRYD_KIND_TABLES_H

#include "kind.h"

#define ON(event) (UINT32_C(1) << (event))
#define ON_ALL UINT32_MAX
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* kinds_parties.c */
extern const struct pv_kind_row pv_kind_agency;
extern const struct pv_kind_row pv_kind_unit;
extern const struct pv_kind_row pv_kind_system;
extern const struct pv_kind_row pv_kind_cluster;
extern const struct pv_kind_row pv_kind_register;
extern const struct pv_kind_row pv_kind_body;
extern const struct pv_kind_row pv_kind_appointment;
extern const struct pv_kind_row pv_kind_data_item;

/* kinds_services.c */
extern const struct pv_kind_row pv_kind_service;
extern const struct pv_kind_row pv_kind_version;
extern const struct pv_kind_row pv_kind_notice;
extern const struct pv_kind_row pv_kind_publication;

/* kinds_passport.c */
extern const struct pv_kind_row pv_kind_passport;

/* kinds_codes.c */
extern const struct pv_kind_row pv_kind_code_list;
extern const struct pv_kind_row pv_kind_code_map;
extern const struct pv_kind_row pv_kind_oid;

/* kinds_corrections.c */
extern const struct pv_kind_row pv_kind_correction;

/* kinds_rights.c */
extern const struct pv_kind_row pv_kind_request;
extern const struct pv_kind_row pv_kind_grant;
extern const struct pv_kind_row pv_kind_mode;
extern const struct pv_kind_row pv_kind_suspension;

/* kinds_agreements.c */
extern const struct pv_kind_row pv_kind_agreement;
extern const struct pv_kind_row pv_kind_exemption;
extern const struct pv_kind_row pv_kind_link;
extern const struct pv_kind_row pv_kind_inquiry;
extern const struct pv_kind_row pv_kind_representation;

/* kinds_duties.c */
extern const struct pv_kind_row pv_kind_commitment;
extern const struct pv_kind_row pv_kind_extension;

/* kinds_bodies.c */
extern const struct pv_kind_row pv_kind_dispute;
extern const struct pv_kind_row pv_kind_instruction;
extern const struct pv_kind_row pv_kind_meeting;
extern const struct pv_kind_row pv_kind_resolution;

/* kinds_certificates.c */
extern const struct pv_kind_row pv_kind_authority;
extern const struct pv_kind_row pv_kind_certificate_request;
extern const struct pv_kind_row pv_kind_certificate;

/* kinds_people.c */
extern const struct pv_kind_row pv_kind_person;

#endif
