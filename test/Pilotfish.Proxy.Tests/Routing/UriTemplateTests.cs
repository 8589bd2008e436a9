using System.Text;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing.UriTemplates;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class UriTemplateTests
{
    [Theory]
    [InlineData("/", "/", true)]
    [InlineData("/", "/a", false)]
    [InlineData("/videos/*/*/*.m4s", "/videos/123414/hls/1080p5000_00001.m4s", true)]
    [InlineData("/videos/*", "/videos/", false)]
    [InlineData("/videos/*", "/videos/a/b", false)]
    [InlineData("/videos/{file}", "/videos/1080p5000_00001.m4s", true)]
    [InlineData("/**.mpd", "/content/123/india/dash/55/manifest.mpd", true)]
    [InlineData("/**.mpd", "/manifestxmpd", false)]
    [InlineData("/a/**", "/a/", true)]
    [InlineData("/a/**", "/a", false)]
    [InlineData("/a/", "/a", false)]
    [InlineData("/a/", "/a/", true)]
    [InlineData("/api/{v=v1/*}/x", "/api/v1/k/x", true)]
    [InlineData("/api/{v=v1/*}/x", "/api/v2/k/x", false)]
    [InlineData("/{a=**}", "/x/y/z", true)]
    [InlineData("/a.b+c$", "/a.b+c$", true)]
    [InlineData("/a.b", "/axb", false)]
    [InlineData("/*b", "/axxb", true)]
    [InlineData("/*", "/a b", false)]
    public void Template_MatchesWholePaths(string template, string path, bool expected) =>
        Assert.Equal(expected, Template(template).Matches(Encoding.UTF8.GetBytes(path)));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("//")]
    [InlineData("/a//b")]
    [InlineData("/a b")]
    [InlineData("/ä")]
    [InlineData("/a*b")]
    [InlineData("/*b/c")]
    [InlineData("/**/*")]
    [InlineData("/**/{a}")]
    [InlineData("/{a=**}/**")]
    [InlineData("/***")]
    [InlineData("/{a")]
    [InlineData("/{}")]
    [InlineData("/{1a}")]
    [InlineData("/{a=}")]
    [InlineData("/{a=/b}")]
    [InlineData("/{a=b/}")]
    [InlineData("/{a=*b}")]
    [InlineData("/{a={b}}")]
    [InlineData("/{a}/{a}")]
    [InlineData("/{a}{b}")]
    [InlineData("/{abcdefghijklmnopq}")]
    [InlineData("/{a}/{b}/{c}/{d}/{e}/{f}")]
    [InlineData("/a=b")]
    public void Template_OfAnotherShape_IsRefused(string template) => Assert.StartsWith(
        "policy.path_template: ", Assert.Throws<ConfigRejectedException>(() => Template(template)).Message, StringComparison.Ordinal);

    [Fact]
    public void Template_TooLong_IsRefused() => Assert.Throws<ConfigRejectedException>(() => Template("/" + new string('a', 256)));

    [Theory]
    [InlineData("/{one}/{two}", "/{two}/{one}", "/cat/dog", "/dog/cat")]
    [InlineData("/videos/{language=lang/*}/*", "/{language}", "/videos/lang/en/video.m4s", "/lang/en")]
    [InlineData("/content/{format}/{lang}/{id}/{file}.vtt", "/{lang}/{format}/{file}.vtt", "/content/hls/en-us/12345/en_193913.vtt", "/en-us/hls/en_193913.vtt")]
    [InlineData("/{rest=**}", "/v2/{rest}", "/", "/v2/")]
    [InlineData("/x/{a}", "/plain", "/x/1", "/plain")]
    [InlineData("/x/{a}", "/plain", "/y/1", null)]
    public void Rewrite_JoinsLiteralsAndVariables(string template, string rewrite, string path, string? expected)
    {
        byte[]? rewritten = Rewrite(template, rewrite).Apply(Encoding.UTF8.GetBytes(path));
        Assert.Equal(expected, rewritten is null ? null : Encoding.UTF8.GetString(rewritten));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{a}")]
    [InlineData("/a//b")]
    [InlineData("/{b}")]
    [InlineData("/{a")]
    [InlineData("/a}")]
    [InlineData("/*")]
    public void Rewrite_OfAnotherShape_IsRefused(string rewrite) => Assert.Throws<ConfigRejectedException>(() => Rewrite("/{a}", rewrite));

    [Fact]
    public void Rewrite_WithoutTemplate_IsRefused() => Assert.Throws<ConfigRejectedException>(
        () => UriTemplateRewrite.Compile(Config(new UriTemplateRewriteConfig { PathTemplateRewrite = "/a" }), null));

    private static UriTemplate Template(string template) => UriTemplate.Compile(Config(new UriTemplateMatchConfig { PathTemplate = template }));

    private static UriTemplateRewrite Rewrite(string template, string rewrite) =>
        UriTemplateRewrite.Compile(Config(new UriTemplateRewriteConfig { PathTemplateRewrite = rewrite }), Template(template));

    private static ExtensionConfig Config(IMessage message) => Pilotfish.Proxy.Config.ExtensionRegistry.Unwrap(Any.Pack(message), "policy");
}
