namespace Pilotfish.EndToEnd.Agent;

/// <summary>A folder of its own for the files of pods. Each appears whole, as a mounted volume swaps them.</summary>
internal sealed class PodFolder(string prefix) : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory(prefix).FullName;

    public string At(string file) => System.IO.Path.Combine(Path, file);

    public void Write(string file, string text)
    {
        string path = At(file);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path + ".new", text);
        File.Move(path + ".new", path, overwrite: true);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
