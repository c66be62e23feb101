package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"gambolputty/cmd/gambolputty/internal/logging"
	"gambolputty/config"
	"gambolputty/stages"
	"gambolputty/stages/cluster/packconfiguration"
)

// app is what the commands have in common.
type app struct {
	streams
	// settings are those of the program itself: flags, GAMBOLPUTTY_ variables of the
	// environment, and a settings file, in this order.
	settings *viper.Viper
	// shared are the modules that the leader of a pack has given to the program that runs.
	shared sharedModules
}

func newRoot(s streams) *cobra.Command {
	a := &app{streams: s, settings: viper.New()}
	root := &cobra.Command{
		Use:   "gambolputty",
		Short: "Collects, parses, enriches and ships events",
		Long: `GambolPutty collects, parses, enriches and ships events with a pipeline of modules
that is written down in YAML.

Every flag may also be set in the environment (GAMBOLPUTTY_LOG_LEVEL for --log-level)
or in a settings file (log-level: debug).`,
		Example: `  echo 'a line' | gambolputty run -c examples/stdin.yml
  gambolputty validate-config -c pipeline.yml`,
		SilenceUsage: true, SilenceErrors: true,
		Args:              cobra.NoArgs,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return a.readSettings(c.Flags()) },
		RunE:              a.former,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	all := root.PersistentFlags()
	all.String("log-level", "", "lowest level to log: debug, info, warn, error or critical; wins over the configuration")
	all.String("log-format", "", "text or json; wins over the configuration")
	all.Bool("no-color", false, "no colours in the log")
	all.String("settings", "", "file with settings of the program, as in log-level: debug")
	root.Flags().StringSliceP("conf", "c", nil, "configuration file or directory, as with run")
	root.Flags().Bool("configtest", false, "check the configuration and end, as with validate-config")
	root.AddCommand(a.runCommand(), a.validateCommand(), a.modulesCommand(), a.graphCommand(), a.testCommand(),
		a.filterCommand(), a.matchCommand(), a.convertCommand(), a.benchCommand(), a.healthCommand(), a.bufferCommand(),
		a.eventBufferCommand(), a.deadLetterCommand(), a.topCommand(), a.packCommand(), a.tapCommand(), a.traceCommand(), a.reloadCommand(), a.versionCommand())
	return root
}

// former serves command lines without a command, as the former program took them.
func (a *app) former(c *cobra.Command, _ []string) error {
	paths := a.settings.GetStringSlice("conf")
	if len(paths) == 0 {
		c.SetOut(a.err)
		if err := c.Help(); err != nil {
			return err
		}
		return &exit{code: exitUsage}
	}
	if a.settings.GetBool("configtest") {
		return a.validate(paths, "text", false, false)
	}
	return a.run(c.Context(), paths)
}

// readSettings joins flags, environment and settings file.
func (a *app) readSettings(flags *pflag.FlagSet) error {
	a.settings.SetEnvPrefix("GAMBOLPUTTY")
	a.settings.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	a.settings.AutomaticEnv()
	if err := a.settings.BindPFlags(flags); err != nil {
		return err
	}
	if path := a.settings.GetString("settings"); path != "" {
		a.settings.SetConfigFile(path)
		a.settings.SetConfigType("yaml")
		if err := a.settings.ReadInConfig(); err != nil {
			return fmt.Errorf("read the settings: %w", err)
		}
	}
	if name := a.settings.GetString("log-level"); name != "" {
		if _, ok := logging.ParseLevel(name); !ok {
			return fmt.Errorf("log-level must be one of debug, info, warn, error, critical, got %q", name)
		}
	}
	if format := a.settings.GetString("log-format"); format != "" && format != "text" && format != "json" {
		return fmt.Errorf("log-format must be text or json, got %q", format)
	}
	return nil
}

// loader reads configurations with all modules of this build.
func (a *app) loader(checkFiles bool) config.Loader {
	shared, instead := a.shared.get()
	return config.Loader{
		Specs: stages.All(), CheckFiles: checkFiles, CheckLogFormat: logging.CheckFormat,
		Shared: shared, SharedBy: packconfiguration.Spec.Name, Instead: instead,
	}
}

// load reads files and says what is wrong with them. Warnings are printed as well.
func (a *app) load(paths []string, checkFiles bool) (*config.Plan, error) {
	plan, report, err := a.read(paths, checkFiles)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(a.err, report.Text())
	if !report.OK(false) {
		return nil, &exit{code: exitInvalid}
	}
	return plan, nil
}

// read reads files, or standard input for the path -.
func (a *app) read(paths []string, checkFiles bool) (*config.Plan, *config.Report, error) {
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("no configuration is given; name it with -c FILE")
	}
	if len(paths) == 1 && paths[0] == "-" {
		return a.readStandardInput(checkFiles)
	}
	plan, report := a.loader(checkFiles).Load(paths...)
	return plan, report, nil
}

// conf adds the flag for the configuration.
func conf(c *cobra.Command) {
	c.Flags().StringSliceP("conf", "c", nil, "configuration file or directory; several are joined; - is standard input")
}

// paths returns the configuration files of a command that takes one as an argument too.
func (a *app) paths(args []string) []string {
	return append(a.settings.GetStringSlice("conf"), args...)
}
