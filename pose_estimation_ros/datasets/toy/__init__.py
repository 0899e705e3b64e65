"""Make small sets of annotated images of drawn people, on which programs and first trainings can be tried."""
