using Pilotfish.Api.Names;

namespace Pilotfish.Api.Tests.Names;

public sealed class BuildInfoTests
{
    [Theory]
    [InlineData("1.2.3+abc", "1.2.3", "abc")]
    [InlineData("1.2.3-rc.1+abc", "1.2.3-rc.1", "abc")]
    [InlineData("1.2.3", "1.2.3", "unknown")]
    public void InformationalVersion_IsVersionAndCommit(string text, string version, string revision)
    {
        BuildInfo build = BuildInfo.Of(text);

        Assert.Equal((version, revision), (build.Version, build.Revision));
        Assert.StartsWith(".NET ", build.Runtime, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.1.0-abc-Clean", "0.1.0", "abc", "Clean")]
    [InlineData("1.7-alpha.9c90-9c90-Modified\n", "1.7-alpha.9c90", "9c90", "Modified")]
    [InlineData("1.2", "1.2", "", "")]
    public void OneLine_IsTakenApartAsIstioctlDoes(string line, string version, string revision, string status)
    {
        BuildInfo build = BuildInfo.Parse(line);

        Assert.Equal((version, revision, status), (build.Version, build.Revision, build.Status));
    }

    [Fact]
    public void OneLine_RoundTrips()
    {
        BuildInfo read = BuildInfo.Parse(BuildInfo.Current.OneLine);

        Assert.Equal((BuildInfo.Current.Version, BuildInfo.Current.Revision), (read.Version, read.Revision));
    }
}
