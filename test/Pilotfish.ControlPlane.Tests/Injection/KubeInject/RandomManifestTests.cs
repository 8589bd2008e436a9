using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection.KubeInject;

/// <summary>
/// Manifests that nobody would write, made from good ones by a seeded chance: nodes of a wrong kind at any place, and
/// texts with damaged characters. Whatever comes out, the command ends in order and says where it failed.
/// </summary>
public sealed class RandomManifestTests
{
    private const int Rounds = 600;

    private static readonly string[] s_words =
    [
        "", "null", "true", "*", "-1", "99999999999999999999", "0x7f", ".nan", "istio-proxy", "istio-init", "auto", "{}", "[]", "a,b", "10.0.0.0/8",
        "\u0000\u001b[2J", "{{ .Values }}", "${X}", "100m", "é\ud83d\ude00", "TPROXY", "2147483648",
    ];

    private static readonly string[] s_keys =
    [
        "name", "spec", "template", "metadata", "annotations", "labels", "containers", "initContainers", "env", "ports", "volumes", "items", "kind",
        "sidecar.istio.io/inject", "sidecar.istio.io/status", "proxy.istio.io/overrides", "proxy.istio.io/config", "inject.istio.io/templates",
        "traffic.sidecar.istio.io/includeInboundPorts", "prometheus.io/port", "sidecar.istio.io/userVolume", "readinessProbe", "httpGet", "port",
        "securityContext", "runAsUser", "lifecycle", "preStop", "resources", "limits",
    ];

    private const string Good = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: shop}
        spec:
          replicas: 3
          template:
            metadata:
              labels: {app: web, version: v1}
              annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090", sidecar.istio.io/proxyCPU: 100m}
            spec:
              initContainers: [{name: init, image: busybox}]
              containers:
              - name: web
                image: nginx
                ports: [{containerPort: 80, name: http}]
                env: [{name: A, value: b}]
                readinessProbe: {httpGet: {path: /, port: http}}
                lifecycle: {preStop: {httpGet: {path: /bye, port: 80}}}
              - name: istio-proxy
                image: auto
                resources: {limits: {cpu: 1, memory: 1Gi}}
              volumes: [{name: v, emptyDir: {}}]
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(20260822)]
    public void Nodes_OfAnyKindAnywhere_NeverEndTheCommandAbruptly(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            YamlMapping document = Yaml.Map(Good);
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                Damage(document, random);
            }

            Check(YamlEmitter.Emit(document), $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [InlineData(2)]
    public void Characters_OfAnyKindAnywhere_NeverEndTheCommandAbruptly(int seed)
    {
        var random = new Random(seed);
        const string Odd = "\t\0{}[]:,-&*!|>'\"%@`#\n ---\u2028\ufeff\ud800z";
        for (int round = 0; round < Rounds; round++)
        {
            char[] text = Good.ToCharArray();
            for (int change = random.Next(1, 8); change > 0; change--)
            {
                text[random.Next(text.Length)] = Odd[random.Next(Odd.Length)];
            }

            Check(new string(text), $"seed {seed}, round {round}");
        }
    }

    private static void Check(string manifest, string round)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        int exitCode;
        try
        {
            exitCode = KubeInjectCommand.Run(
                new KubeInjectOptions { InputFile = "-" }, _ => null, new StringReader("kind: Nothing\n---\n" + manifest), output, errors);
        }
        catch (Exception e)
        {
            Assert.Fail($"{round}: {e}\n{manifest}");
            return;
        }

        Assert.InRange(exitCode, 0, 1);
        if (exitCode == 1)
        {
            Assert.Matches(@"-: document [0-9]+: .+", errors.ToString());
        }
    }

    private static void Damage(YamlNode node, Random random)
    {
        // Down to some depth, then put something else where a good node was.
        while (true)
        {
            List<YamlNode> children = node switch
            {
                YamlMapping map => [.. map.Entries.Select(e => e.Value)],
                YamlSequence list => list.Items,
                _ => [],
            };
            List<YamlNode> inner = [.. children.Where(c => c is YamlMapping or YamlSequence)];
            if (inner.Count > 0 && random.Next(4) > 0)
            {
                node = inner[random.Next(inner.Count)];
                continue;
            }

            Replace(node, random);
            return;
        }
    }

    private static void Replace(YamlNode node, Random random)
    {
        if (node is YamlSequence list)
        {
            if (list.Items.Count == 0 || random.Next(3) == 0)
            {
                list.Items.Add(Anything(random, 0));
            }
            else
            {
                list.Items[random.Next(list.Items.Count)] = Anything(random, 0);
            }
        }
        else if (node is YamlMapping map)
        {
            string key = map.Count == 0 || random.Next(2) == 0
                ? s_keys[random.Next(s_keys.Length)]
                : map.Entries[random.Next(map.Count)].Key;
            if (random.Next(5) == 0)
            {
                map.Remove(key);
            }
            else
            {
                map[key] = Anything(random, 0);
            }
        }
    }

    private static YamlNode Anything(Random random, int depth)
    {
        int kind = depth > 3 ? 0 : random.Next(6);
        if (kind == 4)
        {
            return new YamlSequence(Enumerable.Range(0, random.Next(4)).Select(_ => Anything(random, depth + 1)).ToArray());
        }

        if (kind == 5)
        {
            var map = new YamlMapping();
            for (int i = random.Next(4); i > 0; i--)
            {
                map[s_keys[random.Next(s_keys.Length)]] = Anything(random, depth + 1);
            }

            return map;
        }

        return kind switch
        {
            0 => YamlScalar.String(s_words[random.Next(s_words.Length)]),
            1 => YamlScalar.Boolean(random.Next(2) == 0),
            _ => Yaml.Node(random.Next(-5, 70000).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        };
    }
}
