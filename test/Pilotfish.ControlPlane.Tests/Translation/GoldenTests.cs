using System.Runtime.CompilerServices;
using Google.Protobuf;
using Pilotfish.Api.Messages;
using Pilotfish.ControlPlane.Translation.Clusters;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Translation.Routes;

namespace Pilotfish.ControlPlane.Tests.Translation;

/// <summary>
/// Whole outputs against files. PILOTFISH_UPDATE_GOLDENS=1 rewrites the files in the source tree; the diff is then reviewed.
/// </summary>
public sealed class GoldenTests
{
    private static readonly JsonPrintOptions s_json = JsonPrintOptions.Readable with { Types = PilotfishTypes.All };

    [Theory]
    [InlineData("listeners")]
    [InlineData("routes")]
    [InlineData("clusters")]
    [InlineData("endpoints")]
    public void Bookinfo_TranslatesToItsGolden(string type)
    {
        var mesh = new Mesh(Manifests.Bookinfo + "\n---\n" + Manifests.ReviewsRule);
        var listeners = ListenerGenerator.Generate(mesh.Push, mesh.Proxy);
        var clusters = ClusterGenerator.Generate(mesh.Push, mesh.Proxy);
        IEnumerable<IMessage> resources = type switch
        {
            "listeners" => listeners,
            "routes" => RouteGenerator.Generate(mesh.Push, mesh.Proxy, ListenerGenerator.RouteNames(listeners)),
            "clusters" => clusters,
            _ => EndpointGenerator.Generate(mesh.Push, mesh.Proxy, ClusterGenerator.EdsNames(clusters)),
        };
        Compare($"bookinfo.{type}.json", "[\n" + string.Join(",\n", resources.Select(static r => JsonPrinter.Print(r, s_json))) + "\n]\n");
    }

    private static void Compare(string name, string actual, [CallerFilePath] string source = "")
    {
        if (Environment.GetEnvironmentVariable("PILOTFISH_UPDATE_GOLDENS") == "1")
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(source)!, "Goldens", name), actual);
            return;
        }

        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Translation", "Goldens", name)), actual, ignoreLineEndingDifferences: true);
    }
}
