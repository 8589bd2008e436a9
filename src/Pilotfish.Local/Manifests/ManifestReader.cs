using Pilotfish.Api.Failures;
using Pilotfish.Api.Yaml;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Local.Manifests;

/// <summary>
/// Reads a directory of manifests again and again. Only files that changed are parsed; a bad one keeps what it
/// last said.
/// </summary>
internal sealed class ManifestReader(string directory)
{
    private static readonly string[] s_extensions = [".yaml", ".yml", ".json"];

    private readonly Dictionary<string, FileState> _files = new(StringComparer.Ordinal);
    private Dictionary<string, FileStamp>? _lastSeen;

    /// <summary>
    /// True when anything differs from the last call. Errors are all that stand now. After the first call a change counts once two calls
    /// in a row have seen it alike: a file that is just being written or replaced may parse and still say only half.
    /// </summary>
    public bool Read(out ManifestSet manifests, out IReadOnlyList<string> errors)
    {
        Dictionary<string, FileStamp> seen = Stamps();
        bool changed = false;
        foreach ((string path, FileStamp stamp) in seen)
        {
            _files.TryGetValue(path, out FileState? known);
            if (known?.Stamp == stamp || !IsSettled(path, stamp))
            {
                continue;
            }

            changed = true;
            var mistakes = new List<string>();
            IReadOnlyList<ManifestObject> objects = Parse(path, mistakes) ?? known?.Objects ?? [];
            _files[path] = new FileState(stamp, objects, mistakes);
        }

        foreach (string gone in _files.Keys.Where(path => !seen.ContainsKey(path) && IsSettled(path, null)).ToArray())
        {
            _files.Remove(gone);
            changed = true;
        }

        _lastSeen = seen;
        FileState[] ordered = [.. _files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Value)];
        List<ManifestObject> all = [.. ordered.SelectMany(f => f.Objects)];
        List<string> failures = [.. ordered.SelectMany(f => f.Errors)];
        manifests = new ManifestSet(Distinct(all, failures));
        errors = failures;
        return changed;
    }

    private bool IsSettled(string path, FileStamp? stamp) => _lastSeen is null
        || (_lastSeen.TryGetValue(path, out FileStamp last) ? last == stamp : stamp is null);

    private Dictionary<string, FileStamp> Stamps()
    {
        var stamps = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        foreach (FileInfo file in Candidates())
        {
            if (FileStamp.Of(file.FullName) is { } stamp)
            {
                stamps[file.FullName] = stamp;
            }
        }

        return stamps;
    }

    private IEnumerable<FileInfo> Candidates()
    {
        var folder = new DirectoryInfo(directory);
        FileInfo[] files;
        try
        {
            files = folder.GetFiles();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Editors and deployments replace whole folders; what is not there now may be there in a moment.
            return [];
        }

        // A leading dot is how editors and `mv`-style writers mark what is not finished.
        return files.Where(f => !f.Name.StartsWith('.') && s_extensions.Contains(f.Extension));
    }

    private static List<ManifestObject>? Parse(string path, List<string> failures)
    {
        try
        {
            YamlParseResult parsed = YamlDocuments.Parse(File.ReadAllBytes(path), path);
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
            failures.Add($"{path}: The file cannot be read: {FailureText.Of(e)}.");
        }

        return null;
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

        // Names become files, hosts and host names; roles alone may have others, and nothing is made of them.
        bool isRole = apiVersion.StartsWith("rbac.authorization.k8s.io/", StringComparison.Ordinal);
        RequireName(metadata, "name", isRole ? ObjectName.DefaultNamespace : name);
        RequireName(metadata, "namespace", ns.Length == 0 ? ObjectName.DefaultNamespace : ns);
        return [new ManifestObject(apiVersion, kind, new ObjectName(ns, name), root)];
    }

    private static void RequireName(YamlMapping metadata, string key, string name)
    {
        if (!ObjectName.IsValid(name))
        {
            throw new ManifestException(
                metadata[key]!.Position,
                $"'{key}' is '{name}', but must be at most {ObjectName.LengthMax} lower-case letters, digits, '-' and '.', and begin and end with a letter or digit.");
        }
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

    private sealed record FileState(FileStamp Stamp, IReadOnlyList<ManifestObject> Objects, IReadOnlyList<string> Errors);
}
