-- The table that commands need in the provider's database (R-046): one row a
-- key, written in the transaction of the command itself. It holds digests,
-- times (UTC) and the answer that a repetition gets, in base64.
--
-- The connector's account needs SELECT, INSERT, UPDATE and DELETE on it. Made
-- so that it means the same to SQLite, PostgreSQL, MariaDB and SQL Server.
CREATE TABLE payvand_idempotency (
    key_digest     VARCHAR(64)   NOT NULL PRIMARY KEY,
    request_digest VARCHAR(64)   NOT NULL,
    made_at        VARCHAR(24)   NOT NULL,
    keep_until     VARCHAR(24)   NOT NULL,
    answer         VARCHAR(4000)
);
CREATE INDEX payvand_idempotency_keep_until
    ON payvand_idempotency (keep_until);
