"""Two of everything on one database, under load, while processes are killed: is anything lost, or done twice?"""
