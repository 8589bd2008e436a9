using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Manifests;

/// <summary>
/// Reads a directory of manifests again and again. Only files whose size or time changed are parsed; a bad one is
/// reported once and keeps what it last said.
/// </summary>
internal sealed class ManifestReader(string directory)
{
    private static readonly string[] s_extensions = [".yaml", ".yml", ".json"];

    private readonly Dictionary<string, FileState> _files = new(StringComparer.Ordinal);

    /// <summary>True when anything differs from the last call. Errors are those of files that changed just now.</summary>
    public bool Read(out ManifestSet manifests, out IReadOnlyList<string> errors)
    {
        var found = new List<string>();
        var failures = new List<string>();
        bool changed = false;
        foreach (FileInfo file in Candidates())
        {
            found.Add(file.FullName);
            FileStamp stamp = Stamp(file);
            _files.TryGetValue(file.FullName, out FileState? known);
            if (known is not null && known.Stamp == stamp)
            {
                continue;
            }

            changed = true;
            IReadOnlyList<ManifestObject> objects = Parse(file, failures) ?? known?.Objects ?? [];
            _files[file.FullName] = new FileState(stamp, objects);
        }

        foreach (string gone in _files.Keys.Except(found).ToArray())
        {
            _files.Remove(gone);
            changed = true;
        }

        var all = _files.OrderBy(f => f.Key, StringComparer.Ordinal).SelectMany(f => f.Value.Objects).ToList();
        manifests = new ManifestSet(Distinct(all, failures));
        errors = failures;
        return changed;
    }

    private IEnumerable<FileInfo> Candidates()
    {
        var folder = new DirectoryInfo(directory);
        FileInfo[] files;
        try
        {
            files = folder.GetFiles();
        }
        catch (DirectoryNotFoundException)
        {
            // Editors and deployments replace whole folders; what is not there now may be there in a moment.
            return [];
        }

        // A leading dot is how editors and `mv`-style writers mark what is not finished.
        return files.Where(f => !f.Name.StartsWith('.') && s_extensions.Contains(f.Extension) && File.Exists(f.FullName));
    }

    private static List<ManifestObject>? Parse(FileInfo file, List<string> failures)
    {
        try
        {
            YamlParseResult parsed = YamlDocuments.Parse(File.ReadAllBytes(file.FullName), Shown(file));
            if (!parsed.IsOk)
            {
                failures.AddRange(parsed.Errors.Select(error => error.ToString()));
                return null;
            }

            return [.. parsed.Documents.Where(node => !node.IsNull).SelectMany(ToObjects)];
        }
        catch (ManifestException e)
        {
            failures.Add(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            failures.Add($"{Shown(file)}: The file cannot be read: {e.Message}");
        }

        return null;
    }

    private static string Shown(FileInfo file) => file.FullName;

    /// <summary>Of the file behind a link: mounted ConfigMaps change by swapping one.</summary>
    private static FileStamp Stamp(FileInfo file)
    {
        FileSystemInfo target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        return new FileStamp((target as FileInfo)?.Length ?? 0, target.LastWriteTimeUtc, target.FullName);
    }

    private static IEnumerable<ManifestObject> ToObjects(YamlNode node)
    {
        if (node is not YamlMapping root)
        {
            throw new ManifestException(node.Position, $"A manifest must be a mapping, but this is {node.KindName}.");
        }

        string kind = root.Demand("kind", "The object");
        if (kind == "List" || (kind.EndsWith("List", StringComparison.Ordinal) && root.ContainsKey("items")))
        {
            return root.MappingsOf("items").SelectMany(ToObjects).ToList();
        }

        string apiVersion = root.Demand("apiVersion", $"The {kind}");
        YamlMapping metadata = root.MappingOf("metadata")
            ?? throw new ManifestException(root.Position, $"The {kind} has no 'metadata'.");
        string name = metadata.Demand("name", $"The {kind}'s metadata");
        string ns = kind == "Namespace" ? string.Empty : metadata.TextOf("namespace") ?? ObjectName.DefaultNamespace;
        return [new ManifestObject(apiVersion, kind, new ObjectName(ns, name), root)];
    }

    private static List<ManifestObject> Distinct(List<ManifestObject> all, List<string> failures)
    {
        var seen = new Dictionary<(string Group, string Kind, ObjectName Name), ManifestObject>();
        foreach (ManifestObject item in all)
        {
            string group = item.ApiVersion.Contains('/', StringComparison.Ordinal) ? item.ApiVersion.Split('/')[0] : string.Empty;
            if (seen.TryAdd((group, item.Kind, item.Name), item))
            {
                continue;
            }

            ManifestObject first = seen[(group, item.Kind, item.Name)];
            failures.Add(new SourceError(
                item.Root.Position, $"The {item.Kind} '{item.Name}' is defined already at {first.Root.Position}; that one counts.").ToString());
        }

        return [.. seen.Values];
    }

    private sealed record FileStamp(long Length, DateTime Written, string Target);

    private sealed record FileState(FileStamp Stamp, IReadOnlyList<ManifestObject> Objects);
}
