using Pilotfish.Local.Mesh;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class StandingProblemsTests
{
    private readonly List<string> _reports = [];

    [Fact]
    public void Set_TheSameTwice_IsReportedOnceAndListedOnce()
    {
        var problems = new StandingProblems(_reports.Add);

        problems.Set("files", ["a"]);
        problems.Set("files", ["a"]);
        problems.Set("control plane", ["a", "b"]);

        Assert.Equal(["a", "b"], _reports);
        Assert.Equal(["a", "b"], problems.All.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Set_LastOneGone_IsSaidAndReportedAnewWhenItComesBack()
    {
        var problems = new StandingProblems(_reports.Add);

        problems.Set("files", ["a"]);
        problems.Set("files", []);
        problems.Set("files", ["a"]);

        Assert.Equal(["a", "every problem is mended", "a"], _reports);
        Assert.Equal(["a"], problems.All);
    }
}
