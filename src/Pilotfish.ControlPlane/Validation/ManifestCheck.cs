using System.Text;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>
/// The role `validate`: whether manifests can be used, as the control plane would say of the same files, and exit code 1 when one cannot.
/// Errors and warnings go to standard error as <c>file:line:column: sentence</c>.
/// </summary>
public static class ManifestCheck
{
    private const int ExitGood = 0;
    private const int ExitBad = 1;
    private const string StandardInput = "-";

    /// <param name="files">Files and folders of manifests; `-` is standard input.</param>
    /// <param name="meshFile">A file that holds nothing but a mesh configuration, or null.</param>
    /// <param name="stdin">What `-` reads.</param>
    /// <param name="stdout">Gets a line for each good file.</param>
    /// <param name="stderr">Gets the problems.</param>
    public static int Run(IReadOnlyList<string> files, string? meshFile, Stream stdin, TextWriter stdout, TextWriter stderr)
    {
        var reader = new ObjectReader(HostNames.DefaultDomainSuffix) { CheckRules = true };
        var objects = new List<ConfigObject>();
        var bad = 0;
        foreach (var file in files.SelectMany(Expand))
        {
            bad += Guarded(file, stderr, () =>
            {
                var read = reader.Read(file == StandardInput ? ReadAll(stdin) : File.ReadAllBytes(file), file);
                objects.AddRange(read.Objects);
                return Print(file, read.Errors, read.Warnings, stdout, stderr);
            });
        }

        var (snapshot, _) = ConfigSnapshot.Empty.ReplaceAll(objects);
        MeshConfig? mesh = MeshSettings.Of(snapshot);
        if (meshFile is not null)
        {
            bad += Guarded(meshFile, stderr, () =>
            {
                var errors = new List<SourceError>();
                var warnings = new List<SourceError>();
                mesh = ObjectReader.ReadMesh(Encoding.UTF8.GetString(File.ReadAllBytes(meshFile)), meshFile, errors, warnings);
                return Print(meshFile, errors, warnings, stdout, stderr);
            });
        }

        if (mesh is not null && bad == 0)
        {
            PrintReferences(PushContext.Create(new PushContextOptions(), mesh, snapshot), stderr);
        }

        return bad == 0 ? ExitGood : ExitBad;
    }

    /// <summary>What <paramref name="check"/> counts; 1 where the file cannot be read, which does not keep the others from being checked.</summary>
    private static int Guarded(string file, TextWriter stderr, Func<int> check)
    {
        try
        {
            return check();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stderr.WriteLine($"{file}: The file cannot be read: {FailureText.Of(e)}.");
            return 1;
        }
    }

    // What objects name may be in files that are not at hand: these are warnings.
    private static void PrintReferences(PushContext push, TextWriter stderr)
    {
        foreach (var sentence in LogProviderProblems.Find(push))
        {
            stderr.WriteLine($"warning: {sentence}");
        }
    }

    private static int Print(
        string file, IReadOnlyList<SourceError> errors, IReadOnlyList<SourceError> warnings, TextWriter stdout, TextWriter stderr)
    {
        foreach (var warning in warnings)
        {
            stderr.WriteLine($"warning: {warning}");
        }

        foreach (var error in errors)
        {
            stderr.WriteLine(error);
        }

        if (errors.Count == 0)
        {
            stdout.WriteLine($"\"{file}\" is valid");
        }

        return errors.Count;
    }

    private static IEnumerable<string> Expand(string path) => !Directory.Exists(path)
        ? [path]
        : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Where(static file => Path.GetExtension(file) is ".yaml" or ".yml" or ".json").Order(StringComparer.Ordinal);

    private static byte[] ReadAll(Stream stream)
    {
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return buffer.ToArray();
    }
}
