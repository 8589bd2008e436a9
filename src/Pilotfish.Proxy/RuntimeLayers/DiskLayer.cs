using System.Text;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>
/// A layer from a tree of small files: folders and the file's name make the key, its content the value; lines that begin with '#' are comments
/// (envoy docs, configuration/operations/runtime, file system layout). Read anew when the link that leads to the tree is swapped. Main loop.
/// </summary>
internal sealed class DiskLayer(string name, string linkPath, string path) : RuntimeLayer(name)
{
    // Envoy's: a loop of links ends somewhere.
    private const int DepthMax = 16;

    // Neither a huge file nor a huge tree may fill the process: values are numbers and words.
    private const int FileBytesMax = 64 * 1024;
    private const int FileCountMax = 10_000;

    private FileStamp? _stamp = FileStamp.Of(linkPath);

    /// <summary>Whether the tree is there.</summary>
    public bool Exists => Directory.Exists(path);

    /// <summary>Whether the link leads elsewhere, or its target was written, since the last question. One system call.</summary>
    public bool IsReplaced()
    {
        FileStamp? stamp = FileStamp.Of(linkPath);
        bool isReplaced = stamp != _stamp;
        _stamp = stamp;
        return isReplaced;
    }

    public override IReadOnlyDictionary<string, RuntimeEntry>? Read()
    {
        var values = new Dictionary<string, RuntimeEntry>(StringComparer.Ordinal);
        try
        {
            Walk(path, "", 1, values);
            return values;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Log.Warning(LogComponent.Config, $"runtime layer '{Name}': '{path}' cannot be loaded: {FailureText.Of(e)}");
            return null;
        }
    }

    private static void Walk(string folder, string prefix, int depth, Dictionary<string, RuntimeEntry> values)
    {
        if (depth > DepthMax)
        {
            throw new InvalidDataException($"folders are more than {DepthMax} deep");
        }

        foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            string key = prefix + entry.Name;
            if (Directory.Exists(entry.FullName))
            {
                Walk(entry.FullName, key + ".", depth + 1, values);
            }
            else if (values.Count >= FileCountMax)
            {
                throw new InvalidDataException($"there are more than {FileCountMax} files");
            }
            else if (new FileInfo(entry.FullName) is { Exists: true } file)
            {
                values[key] = RuntimeEntry.Of(file.Length <= FileBytesMax
                    ? WithoutComments(File.ReadAllText(entry.FullName))
                    : throw new InvalidDataException($"'{entry.FullName}' has more than {FileBytesMax} bytes"));
            }
        }
    }

    private static string WithoutComments(string text)
    {
        var value = new StringBuilder(text.Length);
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith('#'))
            {
                value.Append(line).Append('\n');
            }
        }

        return value.ToString().TrimEnd();
    }
}
