// Reads a Compose file with the library that Docker Compose v2 reads it with, and prints it as JSON.
// SPDX-License-Identifier: Apache-2.0
//
// usage: compose_v2 FILE [PROFILE...]    variables come from .env beside it and the environment
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: compose_v2 FILE [PROFILE...]")
		os.Exit(2)
	}
	options, err := cli.NewProjectOptions(os.Args[1:2], cli.WithOsEnv, cli.WithEnvFiles(), cli.WithDotEnv,
		cli.WithProfiles(os.Args[2:]), cli.WithName("weir"))
	if err == nil {
		var project any
		if project, err = options.LoadProject(context.Background()); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(project)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
