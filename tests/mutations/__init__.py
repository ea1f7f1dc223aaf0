"""Files of a finished project are damaged at random: commands that read them have to say so."""
