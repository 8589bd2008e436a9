using System.Text;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Sources.Objects;
using Pilotfish.ControlPlane.Translation.Clusters;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Translation.Routes;

namespace Pilotfish.ControlPlane;

/// <summary>The role `translate`: what the control plane would send a proxy for given manifests, as a JSON list.</summary>
public static class TranslateCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;
    private const int ExitUsage = 64;

    private static readonly JsonPrintOptions s_json = JsonPrintOptions.Readable with { Types = PilotfishTypes.All };

    public static int Run(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, TextWriter stdout, TextWriter stderr)
    {
        if (args.Any(static arg => arg is "--help" or "-h"))
        {
            stdout.WriteLine(TranslateOptions.Usage);
            return ExitSuccess;
        }

        var options = TranslateOptions.Parse(args, out var usageError);
        if (options is null)
        {
            stderr.WriteLine(usageError);
            return ExitUsage;
        }

        if (ControlPlaneFeatures.FromEnvironment(name => environment.GetValueOrDefault(name), out usageError) is not { } features)
        {
            stderr.WriteLine(usageError);
            return ExitUsage;
        }

        var errors = new List<SourceError>();
        var warnings = new List<SourceError>();
        try
        {
            var push = BuildContext(options, features, errors, warnings);
            var node = ReadNode(options.ProxyFile, errors);
            warnings.ForEach(warning => stderr.WriteLine($"warning: {warning}"));
            if (errors.Count > 0 || node is null || push is null)
            {
                errors.ForEach(error => stderr.WriteLine(error));
                return ExitFailure;
            }

            Print(Generate(options.Type, push, ProxyView.Resolve(push, node)), stdout);
            return ExitSuccess;
        }
        catch (IOException e)
        {
            stderr.WriteLine(e.Message);
            return ExitFailure;
        }
    }

    private static PushContext? BuildContext(
        TranslateOptions options, ControlPlaneFeatures features, List<SourceError> errors, List<SourceError> warnings)
    {
        var reader = new ObjectReader(HostNames.DefaultDomainSuffix);
        var objects = new List<ConfigObject>();
        foreach (var file in options.ConfigPaths.SelectMany(Expand))
        {
            var read = reader.Read(ReadBytes(file), file);
            objects.AddRange(read.Objects);
            errors.AddRange(read.Errors);
            warnings.AddRange(read.Warnings);
        }

        var (snapshot, _) = ConfigSnapshot.Empty.ReplaceAll(objects);
        MeshConfig? mesh = MeshSettings.Of(snapshot);
        if (options.MeshConfigFile is { } meshFile)
        {
            mesh = ObjectReader.ReadMesh(ReadText(meshFile), meshFile, errors, warnings);
        }

        return mesh is null ? null : PushContext.Create(new PushContextOptions { Features = features }, mesh, snapshot);
    }

    private static string[] Expand(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }

        var files = Directory.GetFiles(path).Where(static file => Path.GetExtension(file) is ".yaml" or ".yml" or ".json").ToArray();
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }

    private static string ReadText(string file) => Encoding.UTF8.GetString(ReadBytes(file));

    private static byte[] ReadBytes(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The file '{file}' cannot be read: {FailureText.Of(e)}.", e);
        }
    }

    private static ProxyNode? ReadNode(string file, List<SourceError> errors)
    {
        var read = MessageReader.Parse<Node>(
            ReadText(file), file, ReadOptions.Envoy with { UnknownFields = UnknownFields.Warn });
        errors.AddRange(read.Errors);
        if (read.Message is null)
        {
            return null;
        }

        if (!ProxyNodeReader.TryRead(read.Message, out var node, out var error))
        {
            errors.Add(new SourceError(new SourcePosition(file, 0, 0), error));
        }

        return node;
    }

    private static IEnumerable<IMessage> Generate(string type, PushContext push, ProxyView proxy) => type switch
    {
        "listeners" => ListenerGenerator.Generate(push, proxy),
        "routes" => RouteGenerator.Generate(push, proxy, ListenerGenerator.RouteNames(ListenerGenerator.Generate(push, proxy))),
        "clusters" => ClusterGenerator.Generate(push, proxy),
        _ => EndpointGenerator.Generate(push, proxy, ClusterGenerator.EdsNames(ClusterGenerator.Generate(push, proxy))),
    };

    private static void Print(IEnumerable<IMessage> resources, TextWriter stdout)
    {
        stdout.Write('[');
        var first = true;
        foreach (var resource in resources)
        {
            stdout.WriteLine(first ? "" : ",");
            stdout.Write(JsonPrinter.Print(resource, s_json));
            first = false;
        }

        stdout.WriteLine(first ? "]" : Environment.NewLine + "]");
    }
}
