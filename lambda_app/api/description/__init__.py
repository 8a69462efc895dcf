"""The document of /openapi.json. It is made when somebody asks for it; no other request pays for its imports."""
