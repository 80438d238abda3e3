GRANT SERVICE ROLE {service}!all_endpoints_usage TO ROLE {role}
