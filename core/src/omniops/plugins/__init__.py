"""Find plugins (stevedore), call them (pluggy), typed seams. The only room that touches either."""
