"""What every stage needs: settings, reruns, progress, several processes, files."""
