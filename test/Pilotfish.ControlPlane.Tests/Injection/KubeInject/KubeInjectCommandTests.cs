using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection.KubeInject;

public sealed class KubeInjectCommandTests
{
    private const string Pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: app\n    image: x\n";

    [Fact]
    public void Documents_ThatNobodyTouches_KeepTheirText()
    {
        const string Service = "# a comment\napiVersion: v1\nkind: Service # another\nmetadata: {name:   s}\n";
        const string HostNetwork = "apiVersion: v1\nkind: Pod\n# why\nmetadata:\n  name: h\nspec:\n  hostNetwork: true\n";

        var (exitCode, output, errors) = Run(Service + "---\n" + Pod + "--- # next\n" + HostNetwork);

        Assert.Equal(0, exitCode);
        Assert.StartsWith(Service + "---\n", output, StringComparison.Ordinal);
        Assert.EndsWith("---\n" + HostNetwork + "---\n", output, StringComparison.Ordinal);
        Assert.Contains("name: istio-proxy", output, StringComparison.Ordinal);
        Assert.Contains("===> Skipping injection because Pod \"h\" has host networking enabled", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void List_OfManyKinds_IsInjectedItemByItem()
    {
        var (exitCode, output, _) = Run(
            "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: s}}\n- apiVersion: v1\n  kind: List\n  items:\n"
            + string.Concat(Pod.TrimEnd().Split('\n').Select((line, i) => (i == 0 ? "  - " : "    ") + line + "\n")) + "- 7\n");

        Assert.Equal(0, exitCode);
        var list = Yaml.Map(output.Replace("---\n", "", StringComparison.Ordinal));
        Assert.Equal(3, list.Sequence("items")!.Items.Count);
        Assert.Contains("istio-proxy", output, StringComparison.Ordinal);
        Assert.Equal("List", list.Text("kind"));
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: Pod\nspec: {containers: {}}\n", "document 0: spec.containers")]
    [InlineData("a: 1\n---\na: [\n", "document 1")]
    [InlineData("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}\n", "spec.template is required in Deployment \"d\"")]
    [InlineData("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: {volumes: 3}}\n", "document 0: item 0: spec.volumes")]
    public void Manifest_ThatIsWrong_FailsAndNamesThePlace(string manifest, string message)
    {
        var (exitCode, _, errors) = Run(manifest);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense", "is no setting")]
    [InlineData("values..x=1", "empty step")]
    [InlineData("=1", "is no setting")]
    [InlineData("[0].a=1", "begins with an index")]
    [InlineData("value.global.tag=1", "'value' is no setting of an installation")]
    [InlineData("components.cnii.enabled=true", "'components.cnii' is no setting")]
    [InlineData("components.cni.enabled=maybe", "'components.cni.enabled': expected true or false, found 'maybe'")]
    [InlineData("values=7", "'values': expected a mapping, found")]
    [InlineData("values.global.proxy.statusPort=99999", "'values.global.proxy.statusPort': '99999' is no port")]
    [InlineData("meshConfig.defaultConfig.concurrency=two", "defaultConfig.concurrency")]
    [InlineData("values.globl.tag=1", "'values.globl' is no value of an installation. Did you mean 'global'? Values that only templates of your own read stand below 'unvalidatedValues'.")]
    [InlineData("values.global.proxy.resource.limits.cpu=1", "'values.global.proxy.resource' is no value of an installation. Did you mean 'resources'?")]
    [InlineData("revision=Blue", "the revision 'Blue' is no name of a control plane")]
    [InlineData("values.global.proxy.resources.limits.cpu=lots", "limits[cpu]: 'lots' is no quantity")]
    public void Setting_ThatIsWrong_IsNamed(string setting, string message)
    {
        var (exitCode, _, errors) = Run(Pod, new KubeInjectOptions { InputFile = "-", Settings = [setting] });

        Assert.Equal(1, exitCode);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mesh", "kind: Pod\n", "expected a ConfigMap with the key 'mesh', or that key's content, found Pod")]
    [InlineData("mesh", "kind: ConfigMap\ndata: {}\n", "the ConfigMap has no key 'mesh'")]
    [InlineData("mesh", "- 1\n", "expected a mapping")]
    [InlineData("values", "a: [\n", ":2:1: The YAML is broken")]
    [InlineData("values", "kind: Pod\n", "expected a ConfigMap with the key 'values'")]
    [InlineData("config", "", "holds no template")]
    [InlineData("config", "apiVersion: v1\nkind: Pod\n", "expected a ConfigMap with the key 'config'")]
    [InlineData("config", "templates: {sidecar: '{{ nope }}'}\n", "nope")]
    [InlineData("operator", "kind: Pod\n", "expected an IstioOperator, found Pod")]
    [InlineData("operator", "kind: IstioOperator\nspec: 7\n", "spec: expected a mapping")]
    [InlineData("operator", "kind: IstioOperator\nspec: {values: 7}\n", "'values': expected a mapping")]
    [InlineData("operator", "kind: IstioOperator\nspec:\n  values:\n    global: {hubb: x}\n", ":4:14: 'values.global.hubb' is no value of an installation. Did you mean 'hub'?")]
    [InlineData("operator", "kind: IstioOperator\nspec: {tags: 7}\n", "'tags' is no setting of an installation")]
    public void File_OfAnInstallationThatIsWrong_IsNamed(string flag, string text, string message)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            var options = new KubeInjectOptions { InputFile = "-" };
            options = flag switch
            {
                "mesh" => options with { MeshConfigFile = file },
                "values" => options with { ValuesFile = file },
                "config" => options with { InjectConfigFile = file },
                _ => options with { OperatorFile = file },
            };

            var (exitCode, _, errors) = Run(Pod, options);

            Assert.Equal(1, exitCode);
            Assert.Contains(message, errors, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("mesh", "accessLogFil: /dev/stdout\n", ":1:1: The field 'accessLogFil' is unknown in 'istio.mesh.v1alpha1.MeshConfig'. Did you mean 'accessLogFile'? It has no effect.")]
    [InlineData("mesh", "kind: ConfigMap\ndata:\n  mesh: |\n    rootNamespac: x\n", "mesh:1:1: The field 'rootNamespac' is unknown")]
    [InlineData("values", "global:\n  tagg: 1\n", ":2:3: 'values.global.tagg' is no value of an installation. Did you mean 'tag'? It has no effect.")]
    [InlineData("values", "meshConfig: {trustDomaine: x}\n", ":1:14: 'values.meshConfig': The field 'trustDomaine' is unknown")]
    [InlineData("set", "meshConfig.trustDomaine=x", "Warning: 'meshConfig': The field 'trustDomaine' is unknown in 'istio.mesh.v1alpha1.MeshConfig'. Did you mean 'trustDomain'?")]
    [InlineData("set", "unvalidatedValues.global.mine=x", "")]
    public void Setting_ThatNobodyReads_IsSaidAndPassedOver(string flag, string text, string warning)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            var options = new KubeInjectOptions { InputFile = "-" };
            options = flag switch
            {
                "mesh" => options with { MeshConfigFile = file },
                "values" => options with { ValuesFile = file },
                _ => options with { Settings = [text] },
            };

            var (exitCode, output, errors) = Run(Pod, options);

            Assert.Equal(0, exitCode);
            Assert.Contains("name: istio-proxy", output, StringComparison.Ordinal);
            Assert.Contains(warning, errors, StringComparison.Ordinal);
            Assert.Equal(warning.Length > 0, errors.Contains("Warning:", StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void UnvalidatedValues_ReachTheTemplates()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "templates: {sidecar: 'metadata: {annotations: {mine: \"{{ .Values.mine.own }}\"}}'}\n");

            var (exitCode, output, _) = Run(
                Pod, new KubeInjectOptions { InputFile = "-", InjectConfigFile = file, Settings = ["unvalidatedValues.mine.own=seen"] });

            Assert.Equal(0, exitCode);
            Assert.Contains("mine: seen", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void File_ThatIsMissing_IsNamed()
    {
        var (exitCode, _, errors) = Run(Pod, new KubeInjectOptions { InputFile = "-", MeshConfigFile = "/does/not/exist" });

        Assert.Equal(1, exitCode);
        Assert.Contains("/does/not/exist", errors, StringComparison.Ordinal);
        Assert.Equal(1, Run("", new KubeInjectOptions()).ExitCode);
    }

    [Fact]
    public void Revision_OfTheControlPlane_ReachesAddressAndStatus()
    {
        var (_, output, _) = Run(Pod, new KubeInjectOptions { InputFile = "-", Revision = "canary" });

        Assert.Contains("istiod-canary.istio-system.svc:15012", output, StringComparison.Ordinal);
        Assert.Contains("istio.io/rev: canary", output, StringComparison.Ordinal);
        Assert.Contains("\"revision\":\"canary\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_OfAnInstallation_AreRead()
    {
        var folder = Directory.CreateTempSubdirectory("inject-test-");
        try
        {
            string Write(string name, string text)
            {
                File.WriteAllText(Path.Combine(folder.FullName, name), text);
                return Path.Combine(folder.FullName, name);
            }

            var options = new KubeInjectOptions
            {
                InputFile = Write("pod.yaml", Pod),
                OutputFile = Path.Combine(folder.FullName, "out.yaml"),
                ValuesFile = Write("values.json", "{\"global\":{\"hub\":\"my.hub\"}}"),
                MeshConfigFile = Write("mesh.yaml", "kind: ConfigMap\ndata:\n  mesh: |\n    trustDomain: td.example\n"),
                InjectConfigFile = Write("template.yaml",
                    "metadata: {labels: {image: \"{{ .ProxyImage }}\", domain: \"{{ .MeshConfig.TrustDomain }}\"}}"),
            };

            Assert.Equal(0, Run("", options).ExitCode);
            var output = File.ReadAllText(options.OutputFile);
            Assert.Contains("image: my.hub/proxyv2:latest", output, StringComparison.Ordinal);
            Assert.Contains("domain: td.example", output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void ConfigMap_AsHelmWritesIt_GivesTemplatesAndValues()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: istio-sidecar-injector, namespace: istio-system}
                data:
                  values: |-
                    {"global": {"hub": "helm.hub", "tag": "9"}}
                  config: |-
                    defaultTemplates: [sidecar]
                    policy: enabled
                    templates:
                      sidecar: |
                        metadata:
                          labels:
                            image: "{{ .Values.global.hub }}/x:{{ .Values.global.tag }}"
                """);

            var (exitCode, output, errors) = Run(Pod, new KubeInjectOptions { InputFile = "-", InjectConfigFile = file });

            Assert.True(exitCode == 0, errors);
            Assert.Contains("image: helm.hub/x:9", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Text_OfUntouchedDocuments_KeepsItsLineEndsAndGetsOneAtItsEnd()
    {
        const string Windows = "# c\r\nkind: Service\r\nmetadata: {}\r\n";

        var (exitCode, output, _) = Run(Windows + "---\r\n" + Windows + "---   \t# next\n--- a\n-- b\n---\n---\nkind: X");

        Assert.Equal((0, $"{Windows}---\n{Windows}---\n--- a\n-- b\n---\nkind: X\n---\n"), (exitCode, output));
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: List\nmetadata: {a: 1}\nitems:\n", "- {apiVersion: v1, kind: Service, metadata: {name: s}}\n", "")]
    [InlineData("apiVersion: v1\nitems:\n", "- {apiVersion: v1, kind: Service, metadata: {name: s}}\n", "kind: List\nmetadata: {a: 1}\n")]
    [InlineData("{\"apiVersion\": \"v1\", \"items\": [7", ",\n{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s\"}}", "],\"kind\":\"List\", \"metadata\": {\"a\": 1}}")]
    [InlineData("apiVersion: v1\nanchor: &x {apiVersion: v1, kind: Service, metadata: {name: s}}\nkind: List\nitems:\n", "- *x\n", "last: *x\n")]
    public void List_ThatIsLong_ComesOutAsAShortOneDoes(string head, string item, string tail)
    {
        string Items(string output) => string.Concat(output.Split('\n').Where(line => line.StartsWith("- ", StringComparison.Ordinal)).Distinct());

        var (_, shorter, _) = Run(head + item + item + tail);
        var (exitCode, longer, errors) = Run(Padding(head) + head + string.Concat(Enumerable.Repeat(item, 40)) + tail);

        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Equal(40, longer.Split("name: s\n").Length - 1 - (head.Contains("anchor", StringComparison.Ordinal) ? 2 : 0));
        Assert.Equal(Items(shorter), Items(longer));
        Assert.Equal(shorter[shorter.LastIndexOf("name: s\n", StringComparison.Ordinal)..], longer[longer.LastIndexOf("name: s\n", StringComparison.Ordinal)..]);
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: List\nitems: {}\n", "document 0: items: expected a list, found a mapping")]
    [InlineData("apiVersion: v1\nkind: List\nitems:\n- 1\n- {apiVersion: v1, kind: Pod, spec: {volumes: 3}}\n", "document 0: item 1: spec.volumes")]
    [InlineData("apiVersion: v1\nkind: List\nitems:\n- 1\n- [\n", "document 0: The YAML is broken")]
    [InlineData("{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [1,\n2,\n}", "The JSON is broken")]
    [InlineData("{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [1]} {", "JSON")]
    [InlineData("{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [1], \"kind\": 1}", "'kind' is given twice")]
    [InlineData("kind: List\napiVersion: v1\nitems: [1]\nkind: 1\n", "'kind' is given twice")]
    public void List_ThatIsWrong_FailsAndNamesThePlace(string list, string message)
    {
        foreach (string manifest in new[] { list, Padding(list) + list })
        {
            var (exitCode, _, errors) = Run(manifest);

            Assert.Equal(1, exitCode);
            Assert.Contains(message, errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Document_ThatIsLongAndNoList_PassesThrough()
    {
        string text = "kind: ConfigMap\napiVersion: v1\ndata:\n  a: |\n" + string.Concat(Enumerable.Repeat("    words, words # and no comment\n", 20_000)) + "# end";

        Assert.Equal((0, text + "\n---\n", ""), Run(text));
    }

    [Fact]
    public void ResultFile_IsLeftAloneByAFailure_AndMayBeTheInput()
    {
        var folder = Directory.CreateTempSubdirectory("inject-test-");
        try
        {
            string file = Path.Combine(folder.FullName, "pod.yaml");
            string link = Path.Combine(folder.FullName, "link.yaml");
            string broken = Pod + "---\napiVersion: v1\nkind: Pod\nspec: {containers: 3}\n";
            File.WriteAllText(file, broken);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.CreateSymbolicLink(link, file);
            var options = new KubeInjectOptions { InputFile = file, OutputFile = link };

            Assert.Equal(1, Run("", options).ExitCode);
            Assert.Equal(broken, File.ReadAllText(file));
            Assert.Equal([file, link], folder.GetFiles().Select(f => f.FullName).Order().Reverse());

            File.WriteAllText(file, Pod);
            Assert.Equal(0, Run("", options).ExitCode);
            Assert.Contains("name: istio-proxy", File.ReadAllText(file), StringComparison.Ordinal);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Equal(file, new FileInfo(link).LinkTarget);
            Assert.Equal(2, folder.GetFiles().Length);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void File_ThatIsNotThereOrCannotBeMade_IsNamed()
    {
        string missing = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        string into = Path.Combine(missing, "result.yaml");

        Assert.Equal($"Error: '{missing}' cannot be read: no such file.\n", Run("", new KubeInjectOptions { InputFile = missing }).Errors);
        Assert.Equal(
            $"Error: '{into}' cannot be written: no such folder.\n", Run(Pod, new KubeInjectOptions { InputFile = "-", OutputFile = into }).Errors);
    }

    [Fact]
    public void Folder_InPlaceOfAFile_IsNamed()
    {
        string folder = Path.GetTempPath();

        Assert.Contains($"'{folder}' is a folder", Run("", new KubeInjectOptions { InputFile = folder }).Errors, StringComparison.Ordinal);
        Assert.Contains(
            $"'{folder}' is a folder", Run(Pod, new KubeInjectOptions { InputFile = "-", OutputFile = folder }).Errors, StringComparison.Ordinal);
    }

    /// <summary>What makes a document too long to be held as a whole, and says nothing.</summary>
    private static string Padding(string document) =>
        document[0] == '{' ? new string(' ', 300_000) : "# " + new string('x', 300_000) + "\n";

    private static (int ExitCode, string Output, string Errors) Run(string input, KubeInjectOptions? options = null)
    {
        using var reader = new StringReader(input);
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var exitCode = KubeInjectCommand.Run(options ?? new KubeInjectOptions { InputFile = "-" }, _ => null, reader, output, errors);
        return (exitCode, output.ToString(), errors.ToString());
    }
}
