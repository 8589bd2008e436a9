using Pilotfish.Api.Failures;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Sources.Files;

/// <summary>
/// Reads directories of manifests. Remembers each file's stamp and last good objects, so that an unchanged file costs one stat
/// and a broken one keeps what it said last. Earlier directories win where two hold the same object.
/// </summary>
/// <param name="directories">In the order in which they win.</param>
/// <param name="isRecursive">Whether files in folders below count, too.</param>
/// <param name="meshFile">A mesh configuration; may be missing.</param>
/// <param name="reader">Reads the objects.</param>
internal sealed class DirectoryScanner(IReadOnlyList<string> directories, bool isRecursive, string? meshFile, ObjectReader reader)
{
    // More is a mistake (a home directory, say), and would be read every time.
    private const int FilesMax = 20_000;
    private const int DepthMax = 16;

    private static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase) { ".yaml", ".yml", ".json" };

    private Dictionary<string, FileState> _files = new(StringComparer.Ordinal);

    /// <summary>The stamps of all files, in the order in which they count.</summary>
    public List<(string Path, FileStamp Stamp)> Stamps()
    {
        var stamps = new List<(string, FileStamp)>();
        foreach (var directory in directories)
        {
            foreach (var path in List(directory, isRecursive))
            {
                if (FileStamp.TryRead(path, out var stamp))
                {
                    stamps.Add((path, stamp));
                }
            }
        }

        if (meshFile is not null && FileStamp.TryRead(meshFile, out var meshStamp))
        {
            stamps.Add((meshFile, meshStamp));
        }

        return stamps;
    }

    /// <summary>Reads what changed and returns the whole state.</summary>
    public SourceState Load(IReadOnlyList<(string Path, FileStamp Stamp)> stamps)
    {
        var next = new Dictionary<string, FileState>(StringComparer.Ordinal);
        var objects = new List<ConfigObject>();
        var problems = new List<SourceError>();
        var warnings = new List<SourceError>();
        foreach (var (path, stamp) in stamps)
        {
            var file = _files.TryGetValue(path, out var known) && known.Stamp == stamp ? known : Read(path, stamp, known);
            next[path] = file;
            objects.AddRange(file.Objects);
            problems.AddRange(file.Errors);
            warnings.AddRange(file.Warnings);
        }

        _files = next;
        return new SourceState(objects, problems, warnings);
    }

    private static List<string> List(string directory, bool isRecursive)
    {
        var found = new List<string>();
        try
        {
            var options = new EnumerationOptions
            {
                RecurseSubdirectories = isRecursive,
                MaxRecursionDepth = DepthMax,
                IgnoreInaccessible = true,
                AttributesToSkip = FileAttributes.None,
            };
            foreach (var path in Directory.EnumerateFiles(directory, "*", options))
            {
                if (s_extensions.Contains(Path.GetExtension(path)) && !IsHidden(directory, path))
                {
                    found.Add(path);
                    if (found.Count == FilesMax)
                    {
                        break;
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The directory is not there yet or just being replaced: an empty scan, and the next one looks again.
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    // Dot entries are editors' temporary files and the hidden side of mounted ConfigMaps.
    private static bool IsHidden(string root, string path)
    {
        foreach (var part in Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar))
        {
            if (part.StartsWith('.'))
            {
                return true;
            }
        }

        return false;
    }

    private FileState Read(string path, FileStamp stamp, FileState? known)
    {
        var lastGood = known?.Objects ?? [];
        try
        {
            if (stamp.Length > YamlLimits.TextBytesMax)
            {
                return Failed(stamp, lastGood, path, $"The file has {stamp.Length} bytes; at most {YamlLimits.TextBytesMax} are read.");
            }

            var bytes = File.ReadAllBytes(path);
            if (path == meshFile)
            {
                return ReadMesh(path, stamp, bytes, lastGood);
            }

            var read = reader.Read(bytes, path);
            return new FileState(stamp, read.Errors.Count == 0 ? read.Objects : lastGood, read.Errors, read.Warnings);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(stamp, lastGood, path, $"The file cannot be read: {FailureText.Of(e)}.");
        }
    }

    private static FileState ReadMesh(string path, FileStamp stamp, byte[] bytes, IReadOnlyList<ConfigObject> lastGood)
    {
        var errors = new List<SourceError>();
        var warnings = new List<SourceError>();
        var mesh = ObjectReader.ReadMesh(System.Text.Encoding.UTF8.GetString(bytes), path, errors, warnings);
        if (mesh is null)
        {
            return new FileState(stamp, lastGood, errors, warnings);
        }

        var key = MeshSettings.FileKey;
        var meta = new ObjectMeta { Name = key.Name, Namespace = key.Namespace };
        var hash = System.IO.Hashing.XxHash3.HashToUInt64(bytes);
        return new FileState(stamp, [new ConfigObject(key, meta, mesh, hash, path)], errors, warnings);
    }

    private static FileState Failed(FileStamp stamp, IReadOnlyList<ConfigObject> lastGood, string path, string message) =>
        new(stamp, lastGood, [new SourceError(new SourcePosition(path, 0, 0), message)], []);

    private sealed record FileState(
        FileStamp Stamp, IReadOnlyList<ConfigObject> Objects, IReadOnlyList<SourceError> Errors, IReadOnlyList<SourceError> Warnings);
}
