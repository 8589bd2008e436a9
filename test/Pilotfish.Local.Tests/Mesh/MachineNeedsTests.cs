using Pilotfish.Local.Mesh;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class MachineNeedsTests
{
    [Theory]
    [InlineData("none at all", "", "/usr/sbin:/sbin:/usr/bin:/bin")]
    [InlineData("as su leaves it", "/usr/local/bin:/usr/bin:/bin", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")]
    [InlineData("whole", "/usr/sbin:/usr/bin:/sbin:/bin", "/usr/sbin:/usr/bin:/sbin:/bin")]
    [InlineData("one's own first", "/opt/x", "/opt/x:/usr/sbin:/sbin:/usr/bin:/bin")]
    public void Path_GetsTheUsualFoldersBehindItsOwn(string label, string path, string completed) =>
        Assert.True(MachineNeeds.Completed(path) == completed, label);
}
