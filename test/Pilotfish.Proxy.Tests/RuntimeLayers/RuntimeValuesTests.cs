using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Tests.RuntimeLayers;

/// <summary>Handles follow the values; without a key or a value the default counts.</summary>
public sealed class RuntimeValuesTests
{
    [Fact]
    public void Handle_FollowsEachChange()
    {
        var values = new RuntimeValues();
        RuntimeKey early = values.Key("a")!;
        Assert.Null(early.Entry);
        values.Replace(new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" });
        Assert.Equal((1ul, 2ul), (early.Entry!.Integer, values.Key("b")!.Entry!.Integer));
        Assert.Same(early, values.Key("a"));
        values.Replace(new Dictionary<string, string>());
        Assert.Null(early.Entry);
    }

    [Fact]
    public void NoKey_HasNoHandle() => Assert.Null(new RuntimeValues().Key(""));

    [Fact]
    public void Fraction_TakesTheRuntimesShare_OrItsDefault()
    {
        var values = new RuntimeValues();
        var live = new LiveFraction(new Fraction(50, 100), values.Key("k"));
        Assert.Equal((true, false), (live.Holds(49), live.Holds(50)));
        values.Replace(new Dictionary<string, string> { ["k"] = "{numerator: 1, denominator: MILLION}" });
        Assert.Equal((true, false), (live.Holds(1_000_000), live.Holds(1)));
        values.Replace(new Dictionary<string, string> { ["k"] = "words" });
        Assert.Equal((true, false), (live.Holds(49), live.Holds(50)));
        values.Replace(new Dictionary<string, string> { ["k"] = "100000" });
        Assert.True(live.Holds(99));
    }

    [Fact]
    public void FlagNumberAndDouble_TakeTheirOwnForms()
    {
        var values = new RuntimeValues();
        var flag = new LiveFlag(true, values.Key("flag"));
        var number = new LiveNumber(3, values.Key("number"));
        var real = new LiveDouble(1.5, values.Key("double"));
        Assert.Equal((true, 3ul, 1.5), (flag.Current, number.Current, real.Current));
        values.Replace(new Dictionary<string, string> { ["flag"] = "0", ["number"] = "7.9", ["double"] = "-2.5" });
        Assert.Equal((false, 7ul, -2.5), (flag.Current, number.Current, real.Current));
        values.Replace(new Dictionary<string, string> { ["flag"] = "7.5", ["number"] = "-1", ["double"] = "x" });
        Assert.Equal((true, 3ul, 1.5), (flag.Current, number.Current, real.Current));
    }

    [Fact]
    public void Handles_OfModelsThatAreGone_DoNotPileUp()
    {
        var values = new RuntimeValues();
        for (int i = 0; i < 200_000; i++)
        {
            values.Key($"route.{i}.weight");
            if (i % 10_000 == 0)
            {
                GC.Collect();
            }
        }

        Assert.InRange(values.HandleCount, 1, 50_000);
    }
}
