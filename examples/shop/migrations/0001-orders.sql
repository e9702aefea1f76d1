-- The shop's tables as PostgreSQL would have them. Nothing runs this file: the example keeps its data in SQLite. Preflight reads it.
CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, price_cents integer NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, session text NOT NULL, total_cents integer NOT NULL);
ALTER TABLE orders ADD COLUMN gift_note text;
