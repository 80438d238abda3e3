GRANT READ ON STAGE {schema}.artifacts TO ROLE {role}
