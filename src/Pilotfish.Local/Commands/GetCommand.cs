using Pilotfish.Local.State;

namespace Pilotfish.Local.Commands;

/// <summary>`get [DIR]`: the pods of a mesh as a table, or their names alone; what is wrong with its files goes to standard error.</summary>
public static class GetCommand
{
    public static int Run(string? mesh, bool namesOnly, TextWriter output, TextWriter error)
    {
        try
        {
            (_, MeshDescription description) = MeshLocator.Find(mesh);
            PodDescription[] pods = [.. description.Pods
                .OrderBy(p => p.Namespace, StringComparer.Ordinal).ThenBy(p => p.Name, StringComparer.Ordinal)];
            if (namesOnly)
            {
                foreach (PodDescription pod in pods)
                {
                    output.WriteLine(pod.ShortName);
                }

                return 0;
            }

            WriteTable(pods, output);
            foreach (string problem in description.Problems)
            {
                error.WriteLine("problem: " + problem);
            }

            if (description.Phase == MeshDescription.Starting)
            {
                error.WriteLine("The mesh is still starting.");
            }

            return 0;
        }
        catch (LocalException e)
        {
            error.WriteLine("error: " + e.Message);
            return 1;
        }
    }

    private static void WriteTable(IReadOnlyList<PodDescription> pods, TextWriter output)
    {
        var rows = new List<string[]> { new[] { "NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "IP" } };
        foreach (PodDescription pod in pods)
        {
            ContainerDescription[] counted = [.. pod.Containers.Where(c => !c.IsInit || c.Phase == "Running")];
            ContainerDescription? failing = pod.Containers.FirstOrDefault(c => c.Phase == "BackOff");
            rows.Add(
            [
                pod.Namespace,
                pod.Name,
                $"{counted.Count(c => c.IsReady)}/{counted.Length}",
                failing is null ? pod.Phase : "CrashLoopBackOff",
                $"{pod.Containers.Sum(c => c.Restarts)}",
                pod.Address,
            ]);
        }

        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
        {
            output.WriteLine(string.Join("   ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
