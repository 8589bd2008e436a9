using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Runtime.Tests.Diagnostics;

public sealed class LogTests
{
    [Fact]
    public void Line_Formatted_HasEnvoysShape() =>
        Assert.Equal(
            "[2031-03-07 11:13:17.019][42][warning][config] text\n",
            Log.FormatLine(new DateTimeOffset(2031, 3, 7, 11, 13, 17, 19, TimeSpan.Zero), 42, LogLevel.Warning, LogComponent.Config, "text"));

    [Fact]
    public void Debug_LevelOff_NeverBuildsItsText()
    {
        LogComponent component = LogComponent.Tracing;
        component.Level = LogLevel.Info;
        int built = 0;
        Log.Debug(component, $"{Build()}");
        Assert.Equal(0, built);
        Assert.False(Log.IsEnabled(component, LogLevel.Debug));

        int Build() => ++built;
    }

    [Theory]
    [InlineData("trace", LogLevel.Trace)]
    [InlineData("warn", LogLevel.Warning)]
    [InlineData("warning", LogLevel.Warning)]
    [InlineData("err", LogLevel.Error)]
    [InlineData("critical", LogLevel.Critical)]
    [InlineData("off", LogLevel.Off)]
    public void Level_KnownName_IsRead(string name, LogLevel level)
    {
        Assert.True(Log.TryParseLevel(name, out LogLevel read));
        Assert.Equal(level, read);
    }

    [Fact]
    public void Level_UnknownName_IsRefused() => Assert.False(Log.TryParseLevel("verbose", out _));

    [Fact]
    public void Components_ByName_AreFound()
    {
        Assert.Same(LogComponent.Upstream, LogComponent.Find("upstream"));
        Assert.Null(LogComponent.Find("no-such"));
        Assert.Contains(LogComponent.Main, LogComponent.All);
    }
}
