-- Instances are replaced one after the other; a batch that meets a stopping one is sent again.
ALTER SERVICE {service} FROM SPECIFICATION $$
{specification}
$$
