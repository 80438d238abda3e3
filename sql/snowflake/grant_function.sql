GRANT USAGE ON FUNCTION {function}({types}) TO ROLE {role}
