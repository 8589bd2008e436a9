using System.Xml.Linq;

namespace Pilotfish.Structure.Tests;

/// <summary>The arrows of the house: which project may know which. ARCHITECTURE.md draws the same picture.</summary>
public sealed class ProjectArrowTests
{
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Pilotfish"] = ["Local", "Agent", "Capture", "ControlPlane", "Proxy", "Api"],
        ["Pilotfish.Sidecar"] = ["Agent", "Capture", "Proxy"],
        ["Pilotfish.Local"] = ["Agent", "ControlPlane", "Capture", "Runtime", "Api", "Language"],
        ["Pilotfish.Agent"] = ["Proxy", "Runtime", "Api", "Language"],
        ["Pilotfish.ControlPlane"] = ["Api", "Language"],
        ["Pilotfish.Capture"] = ["Runtime", "Api"],
        ["Pilotfish.Proxy"] = ["Runtime", "Api", "Language"],
        ["Pilotfish.Runtime"] = [],
        ["Pilotfish.Language"] = [],
        ["Pilotfish.Api"] = ["Api.Messages"],
        ["Pilotfish.Api.Messages"] = [],
    };

    public static TheoryData<string> Projects => [.. s_allowed.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_PointDownOnly(string project)
    {
        string[] allowed = s_allowed[project];
        IEnumerable<string> unexpected = References(project)
            .Where(reference => !allowed.Contains(reference.Replace("Pilotfish.", "", StringComparison.Ordinal)));
        Assert.Empty(unexpected);
    }

    [Fact]
    public void SourceFolder_HasNoProjectOutsideTheMap()
    {
        IEnumerable<string> names = RepositoryRoot.Files("src", "*.csproj").Select(f => Path.GetFileNameWithoutExtension(f)!);
        Assert.Equal(s_allowed.Keys.Order(), names.Order());
    }

    [Fact]
    public void ProxyAndControlPlane_NeverKnowEachOther()
    {
        Assert.DoesNotContain("Pilotfish.ControlPlane", Closure("Pilotfish.Proxy"));
        Assert.DoesNotContain("Pilotfish.Proxy", Closure("Pilotfish.ControlPlane"));
    }

    [Fact]
    public void SidecarExecutable_LinksNoControlPlane()
    {
        HashSet<string> closure = Closure("Pilotfish.Sidecar");
        Assert.DoesNotContain("Pilotfish.ControlPlane", closure);
        Assert.DoesNotContain("Pilotfish.Local", closure);
    }

    [Theory]
    [InlineData("Pilotfish.Proxy")]
    [InlineData("Pilotfish.Runtime")]
    [InlineData("Pilotfish.Agent")]
    public void DataPlane_TakesNoMicrosoftExtensionsPackage(string project)
    {
        Assert.DoesNotContain(Elements(project, "PackageReference"), p => p.StartsWith("Microsoft.Extensions", StringComparison.Ordinal));
    }

    /// <summary>The data plane's own HTTP/2 carries its gRPC: a second client would cost memory in every pod.</summary>
    [Fact]
    public void SidecarExecutable_LinksNoOtherGrpcClient()
    {
        IEnumerable<string> packages = Closure("Pilotfish.Sidecar").Append("Pilotfish.Sidecar").SelectMany(project => Elements(project, "PackageReference"));
        Assert.DoesNotContain(packages, static package => package.StartsWith("Grpc.Net", StringComparison.Ordinal));
    }

    [Fact]
    public void UnsafeCode_LivesInRuntimeOnly()
    {
        IEnumerable<string> outside = s_allowed.Keys
            .Where(project => project != "Pilotfish.Runtime")
            .Where(project => File.ReadAllText(ProjectFile(project)).Contains("AllowUnsafeBlocks", StringComparison.Ordinal));
        Assert.Empty(outside);
    }

    private static HashSet<string> Closure(string project)
    {
        HashSet<string> seen = [];
        Queue<string> open = new([project]);
        while (open.TryDequeue(out string? next))
        {
            foreach (string reference in References(next).Where(seen.Add))
            {
                open.Enqueue(reference);
            }
        }

        return seen;
    }

    private static IEnumerable<string> References(string project) =>
        Elements(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path));

    private static List<string> Elements(string project, string element) =>
        [.. XDocument.Load(ProjectFile(project)).Descendants(element).Select(e => e.Attribute("Include")?.Value ?? "")];

    /// <summary>Found by name: the generated messages' project stands in the folder of their sources, src/Pilotfish.Api/protos.</summary>
    private static string ProjectFile(string project) => RepositoryRoot.Files("src", project + ".csproj").Single();
}
