-- UTC whatever the time zone of the session.
SELECT SYSDATE()
