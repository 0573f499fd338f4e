"""What is known of a film's colors: from references and hints, matched and carried along the motion of the picture."""
