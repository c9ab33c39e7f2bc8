"""English sentences, one module an area, named as the area's module in `meshsim.reasons`."""
