using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Capture.Command;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Nftables;
using Pilotfish.Capture.Processes;
using Pilotfish.Capture.Rules;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Capture;

/// <summary>
/// The role `istio-iptables`: 1 read flags, 2 find out what they leave open, 3 plan rules, 4 print or apply them,
/// 5 set addresses and routes, 6 validate.
/// </summary>
public static class IptablesCommand
{
    public const int ExitSuccess = 0;
    public const int ExitFailure = 1;

    /// <summary>The code by which Istio's CNI repair recognises a pod that started before its rules.</summary>
    public const int ExitValidationFailed = 126;

    /// <summary>What pilot-agent exits with for a wrong command line.</summary>
    public const int ExitUsage = 255;

    public static int Run(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, TextWriter stdout, TextWriter stderr)
    {
        try
        {
            IReadOnlyDictionary<string, FlagValue> flags = FlagParser.Parse(IptablesFlags.All, args, environment);
            if (new FlagReader(flags).Switch(IptablesFlags.Help))
            {
                FlagHelp.Write(stdout, "istio-iptables", "Sets the rules that take a pod's traffic to its sidecar.", IptablesFlags.All);
                return ExitSuccess;
            }

            return Run(IptablesOptions.Read(flags, environment), stdout, stderr);
        }
        catch (FlagException e)
        {
            stderr.WriteLine("error: " + e.Message);
            return ExitUsage;
        }
        catch (CaptureException e)
        {
            stderr.WriteLine("error: " + e.Message);
            return ExitFailure;
        }
    }

    /// <summary>One run with everything already read: the CNI plugin comes in here.</summary>
    /// <exception cref="CaptureException">Rules could not be set; nothing is left half-done.</exception>
    internal static int Run(IptablesOptions options, TextWriter stdout, TextWriter log)
    {
        ICommandRunner runner = NewRunner(options);
        bool ipv6Only = false;
        bool ipv6 = options.IPv6 ?? DetectIPv6(runner, options, out ipv6Only);
        CaptureConfig capture = Complete(options, ipv6, log);
        if (options.DryRun)
        {
            if (!options.SkipRuleApply)
            {
                Print(options, RulePlanner.Plan(capture), stdout);
            }

            return ExitSuccess;
        }

        if (!options.SkipRuleApply)
        {
            HostFacts.DemandPrivileges();
            Apply(options, capture, runner, log);
        }

        return options.RunValidation ? Validate(options, capture, ipv6Only, log) : ExitSuccess;
    }

    private static CommandRunner NewRunner(IptablesOptions options)
    {
        // From the node many pods are set up at once: each waits on its own lock file, not on the node's.
        var environment = new Dictionary<string, string>();
        if (options.CniMode && options.NetworkNamespace.Length > 0)
        {
            environment["XTABLES_LOCKFILE"] = options.NetworkNamespace;
        }

        return new CommandRunner(options.NetworkNamespace, environment);
    }

    private static bool DetectIPv6(ICommandRunner runner, IptablesOptions options, out bool ipv6Only)
    {
        IReadOnlyList<IPAddress> addresses = HostFacts.Addresses(runner);
        ipv6Only = addresses.Count > 0 && addresses.All(a => a.AddressFamily == AddressFamily.InterNetworkV6);
        return HostFacts.WantsIPv6(addresses, options.DualStack);
    }

    private static CaptureConfig Complete(IptablesOptions options, bool ipv6, TextWriter log)
    {
        CaptureConfig capture = options.Capture with { IPv6 = ipv6, DnsServers = options.DnsServers ?? DnsServers.None };

        // A dry run whose families are given prints the same on every machine, so it asks no resolv.conf either.
        bool askMachine = options.DnsServers is null && !(options.DryRun && options.IPv6 is not null);
        if (askMachine && capture is { RedirectDns: true, CaptureAllDns: false })
        {
            capture = capture with { DnsServers = HostFacts.ResolvConfServers() };
        }

        if (capture.RedirectDns && !capture.DnsIsCaptured)
        {
            log.WriteLine("warning: DNS capture was asked for, but no DNS server is known and not all DNS is to be "
                + "captured; DNS stays as it is.");
        }

        return capture;
    }

    private static void Print(IptablesOptions options, RulePlan plan, TextWriter stdout)
    {
        if (options.NativeNftables)
        {
            stdout.Write(NftablesScript.Apply(plan));
            return;
        }

        foreach (RestoreText text in RestoreText.Build(plan.V4).Concat(RestoreText.Build(plan.V6)))
        {
            stdout.Write(text.Text);
        }
    }

    private static void Apply(IptablesOptions options, CaptureConfig capture, ICommandRunner runner, TextWriter log)
    {
        RulePlan plan = RulePlanner.Plan(capture);
        (Action apply, Action cleanUp, Action logState) = options.NativeNftables
            ? WithNftables(plan, runner, log)
            : WithIptables(options, plan, runner, log);
        var routes = new LoopbackRoutes(runner, capture);
        if (options.CleanupOnly)
        {
            cleanUp();
            routes.Remove();
            log.WriteLine("info: the capture rules are removed.");
            return;
        }

        apply();
        try
        {
            routes.Set();
        }
        catch (CaptureException)
        {
            // Rules without their routes would drop packets instead of capturing them.
            cleanUp();
            routes.Remove();
            throw;
        }

        logState();
    }

    private static (Action Apply, Action CleanUp, Action LogState) WithNftables(
        RulePlan plan, ICommandRunner runner, TextWriter log)
    {
        var applier = new NftablesApplier(runner, log);
        return (() => applier.Apply(plan), applier.CleanUp, applier.LogFinalState);
    }

    private static (Action Apply, Action CleanUp, Action LogState) WithIptables(
        IptablesOptions options, RulePlan plan, ICommandRunner runner, TextWriter log)
    {
        var detector = new IptablesDetector(runner, log);
        var families = new List<RuleFamily>
        {
            new("IPv4", new IptablesTool(runner, detector.Detect(ipv6: false, options.ForceBinary)), plan.V4),
        };
        if (!plan.V6.IsEmpty)
        {
            families.Add(new RuleFamily(
                "IPv6", new IptablesTool(runner, detector.Detect(ipv6: true, options.ForceBinary)), plan.V6));
        }

        var applier = new IptablesApplier(families, log);
        return (() => applier.Apply(options.Reconcile, options.ForceApply), applier.CleanUp, applier.LogFinalState);
    }

    /// <summary>Only what the proxy sends to its own pod is taken to inbound, so the probe must look like the proxy's.</summary>
    private static NetworkNamespaceThread EnterAsProxy(IptablesOptions options)
    {
        uint? uid = uint.TryParse(options.Capture.ProxyUids[0], CultureInfo.InvariantCulture, out uint user) ? user : null;
        uint? gid = uint.TryParse(options.Capture.ProxyGids[0], CultureInfo.InvariantCulture, out uint group) ? group : null;
        return NetworkNamespaceThread.Enter(options.NetworkNamespace, uid, gid);
    }

    private static int Validate(IptablesOptions options, CaptureConfig capture, bool ipv6Only, TextWriter log)
    {
        using NetworkNamespaceThread? inside = options.NetworkNamespace.Length > 0 ? EnterAsProxy(options) : null;
        if (new CaptureValidator(capture, options.ProbePort, options.ProbeTimeout, inside, log).Run(ipv6Only))
        {
            log.WriteLine("info: validation passed: the capture rules work.");
            return ExitSuccess;
        }

        log.WriteLine("error: validation failed: connections are not captured, so this pod is not ready for the mesh. With "
            + "the CNI plugin this happens when a pod starts before its node is ready; with cni.repair.deletePods=true such "
            + "a pod is deleted and started again, else delete it by hand.");
        return ExitValidationFailed;
    }
}
