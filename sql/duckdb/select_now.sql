-- UTC whatever the time zone of the session, and without the icu extension.
SELECT make_timestamp(epoch_us(now()))
