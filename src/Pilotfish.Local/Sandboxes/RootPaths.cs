namespace Pilotfish.Local.Sandboxes;

/// <summary>
/// Resolves links in a container's paths while its root is still a folder of the host. The kernel would follow
/// an absolute link ("/var/run" to "/run") out of that folder, and a volume would land on the machine.
/// </summary>
internal static class RootPaths
{
    /// <summary>The kernel's own limit before it answers ELOOP.</summary>
    private const int LinksMax = 40;

    /// <summary>The same place without links. The machine's root is the lower layer of every container's, so its links count.</summary>
    public static string Resolve(string path)
    {
        var left = new Stack<string>(Parts(path).Reverse());
        var done = new List<string>();
        int links = 0;
        while (left.TryPop(out string? part))
        {
            if (part == "..")
            {
                if (done.Count > 0)
                {
                    done.RemoveAt(done.Count - 1);
                }

                continue;
            }

            string here = "/" + string.Join('/', done.Append(part));
            string? target = LinkTarget(here);
            if (target is null)
            {
                done.Add(part);
                continue;
            }

            if (++links > LinksMax)
            {
                throw new LocalException($"'{path}' runs in a circle of links at '{here}'.");
            }

            if (target.StartsWith('/'))
            {
                done.Clear();
            }

            foreach (string next in Parts(target).Reverse())
            {
                left.Push(next);
            }
        }

        return "/" + string.Join('/', done);
    }

    private static string[] Parts(string path) =>
        [.. path.Split('/').Where(part => part.Length > 0 && part != ".")];

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No such entry; it will be made in the container's own layer.
            return null;
        }
    }
}
