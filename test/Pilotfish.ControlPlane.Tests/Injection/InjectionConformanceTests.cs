using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class InjectionConformanceTests
{
    public static TheoryData<string> Cases()
    {
        var data = new TheoryData<string>();
        foreach (var folder in Directory.EnumerateDirectories(ConformanceData.Folder("inject")).Order(StringComparer.Ordinal))
        {
            data.Add(Path.GetFileName(folder));
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void KubeInject_OfARecordedCase_PrintsWhatIstioPrints(string name)
    {
        var recorded = new InjectionCase(Path.Combine(ConformanceData.Folder("inject"), name));

        var (exitCode, output, errors) = recorded.Run();

        if (recorded.Error is { } error)
        {
            Assert.NotEqual(0, exitCode);
            Assert.Contains(error, errors, StringComparison.OrdinalIgnoreCase);
            return;
        }

        Assert.True(exitCode == 0, errors);
        Assert.Contains(recorded.Warning ?? "", errors, StringComparison.Ordinal);
        Assert.Null(ManifestComparison.FindDifference(output, recorded.Expected, recorded.SetsImages));
    }

    /// <summary>All cases but the one whose input another injector made, in the other form of the sidecar: the first
    /// injection takes that sidecar for the user's and keeps it, as Istio does, and only the second renews it.</summary>
    public static TheoryData<string> StableCases()
    {
        var data = new TheoryData<string>();
        foreach (var row in Cases().Where(row => row.Data != "merge-probers"))
        {
            data.Add(row.Data);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(StableCases))]
    public void KubeInject_OfItsOwnOutput_ChangesNothing(string name)
    {
        var recorded = new InjectionCase(Path.Combine(ConformanceData.Folder("inject"), name));
        var (exitCode, once, _) = recorded.Run();
        if (exitCode != 0)
        {
            return;
        }

        var (again, twice, errors) = recorded.Run(once);

        Assert.True(again == 0, errors);
        Assert.Null(ManifestComparison.FindDifference(twice, once, comparesImages: true));
    }
}
