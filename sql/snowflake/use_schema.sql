-- CREATE SCHEMA makes the new one the session's own.
USE SCHEMA {schema}
