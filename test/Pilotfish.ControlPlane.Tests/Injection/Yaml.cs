using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>Short ways from text to nodes.</summary>
internal static class Yaml
{
    public static YamlMapping Map(string text) => (YamlMapping)Node(text);

    public static YamlNode Node(string text)
    {
        var parsed = YamlDocuments.Parse(text, "test");
        Assert.True(parsed.IsOk, parsed.IsOk ? "" : parsed.Errors[0].ToString());
        return Assert.Single(parsed.Documents);
    }
}
