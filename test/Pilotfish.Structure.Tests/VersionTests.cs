using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Pilotfish.Structure.Tests;

/// <summary>The version has one place: what `version` prints, the admin port and the control plane say is read from there.</summary>
public sealed partial class VersionTests
{
    private static readonly string s_version = XDocument.Load(Path.Combine(RepositoryRoot.Path, "Directory.Build.props"))
        .Descendants("Version").Single().Value;

    [Fact]
    public void Version_StandsInDirectoryBuildPropsAlone()
    {
        Assert.Matches(@"^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$", s_version);
        Assert.DoesNotContain(
            new[] { "*.csproj", "*.props" }.SelectMany(pattern => RepositoryRoot.Files("src", pattern)),
            file => XDocument.Load(file).Descendants().Any(
                element => element.Name.LocalName is "Version" or "AssemblyVersion" or "InformationalVersion"));
    }

    [Fact]
    public void Changelog_NamesNoReleaseAfterTheVersion()
    {
        Version own = Version.Parse(s_version.Split('-')[0]);

        Assert.All(
            Released().Matches(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "CHANGELOG.md"))),
            heading => Assert.True(Version.Parse(heading.Groups[1].Value) <= own, heading.Value));
    }

    [GeneratedRegex(@"^## (\d+\.\d+\.\d+)", RegexOptions.Multiline)]
    private static partial Regex Released();
}
